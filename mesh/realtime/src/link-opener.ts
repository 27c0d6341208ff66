import type { Credential } from "./credential.ts";
import type { Link, LinkListener } from "./link.ts";
import type { Resolved } from "./options.ts";
import { SocketLink } from "./socket-link.ts";
import { StreamLink } from "./stream-link.ts";
import type { WantedChannel } from "./stream-request.ts";
import { type Transport, TransportChoice } from "./transport-choice.ts";

/*
 * Opens links, the way that the choice says. Without a channel there is nothing that could be streamed, so then, and where no
 * stream is to be opened, it is a WebSocket.
 */

export interface LinkOpenerActions {
  /** The channels that are listened to. */
  readonly wanted: () => readonly WantedChannel[];
  /** Asks for what another stream can be opened with. */
  readonly credential: (settle: (credential: Credential | undefined) => void) => void;
}

export class LinkOpener {
  readonly #options: Resolved;
  readonly #actions: LinkOpenerActions;
  readonly #choice: TransportChoice;
  #transport: Transport = "websocket";

  constructor(options: Resolved, actions: LinkOpenerActions) {
    this.#options = options;
    this.#actions = actions;
    this.#choice = new TransportChoice(options.durations);
  }

  /** Of the link that was opened last. */
  get transport(): Transport {
    return this.#transport;
  }

  /** Throws what the WebSocket throws of a URL that it cannot take. */
  open(listener: LinkListener): Link {
    const { url, format, platform, durations } = this.#options;
    const { WebSocket, clock } = platform;
    const stream = this.#stream();
    this.#transport = stream === undefined ? "websocket" : this.#choice.next(clock.now());
    if (stream === undefined || this.#transport === "websocket") {
      return new SocketLink({ url, format, WebSocket, clock, ...durations }, listener);
    }
    const { pingIntervalMs, pongTimeoutMs, connectTimeoutMs: openTimeoutMs, commandTimeoutMs } = durations;
    const limits = { openTimeoutMs, commandTimeoutMs, silenceMs: pingIntervalMs + pongTimeoutMs };
    return new StreamLink({ ...stream, ...this.#actions, clock, ...limits }, listener);
  }

  /** The link that was opened last is of use. */
  worked(): void {
    this.#choice.worked(this.#transport);
  }

  /** It ended before it was of use; gives whether the other way is to be tried at once. */
  failed(): boolean {
    const isOtherDue = this.#choice.failed(this.#transport, this.#options.platform.clock.now());
    return isOtherDue && this.#stream() !== undefined;
  }

  #stream() {
    const { eventStreamUrl: url, platform } = this.#options;
    const { fetch } = platform;
    const isPossible = url !== undefined && fetch !== undefined && this.#actions.wanted().length > 0;
    return isPossible ? { url, fetch } : undefined;
  }
}
