import type { WebSocketConnection } from "../http/http-server.ts";
import { closeCodes } from "./close-reason.ts";
import type { SsePositions } from "./sse-positions.ts";

/*
 * A stream of server-sent events in the place of a WebSocket: the session behind it sends the same frames to both. Each
 * frame is one event, and its `id` says where the client is in all its recoverable channels, which it gives back when it
 * connects again. What the client has not taken yet is counted here, so that who reads too slowly is found out as always.
 *
 * The close of the session becomes a last event, `close`, as a response has no close codes.
 */

const encoder = new TextEncoder();

export interface SseConnectionOptions {
  /** The client has taken all that was sent. */
  readonly onDrained: () => void;
  readonly onClose: (code: number) => void;
}

export class SseConnection implements WebSocketConnection {
  readonly #options: SseConnectionOptions;
  readonly #positions: SsePositions;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(positions: SsePositions, options: SseConnectionOptions) {
    this.#positions = positions;
    this.#options = options;
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  get bufferedBytes(): number {
    return this.#queuedBytes;
  }

  send(frame: string | Uint8Array): void {
    const text =
      typeof frame === "string" ? frame : Buffer.from(frame.buffer, frame.byteOffset, frame.length).toString();
    const { id, retryMs, isLost } = this.#positions.read(text);
    const retry = retryMs === undefined ? "" : `retry: ${Math.ceil(retryMs)}\n`;
    this.#push(`${id === undefined ? "" : `id: ${id}\n`}${retry}data: ${text}\n\n`);
    if (isLost === true) {
      // A stream cannot subscribe again: its client comes back with its positions and hears that one is not recovered.
      this.close(closeCodes.draining, "insufficient_state");
    }
  }

  /** Keeps proxies from taking the stream for dead, and finds out that the client is. */
  beat(): void {
    this.#push(":\n\n");
  }

  close(code: number, reason: string): void {
    if (!this.#ended) {
      this.#push(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`);
      this.#end(code);
    }
  }

  /** The client has gone. */
  cut(): void {
    if (!this.#ended) {
      this.#queue = [];
      this.#queuedBytes = 0;
      this.#end(1006);
    }
  }

  /** What goes out, for one reader. Ends with the connection. */
  async *bytes(): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        const pieces = this.#queue;
        if (pieces.length > 0) {
          this.#queue = [];
          const bytes = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces);
          yield bytes;
          // Asked for more: the client has taken it.
          this.#queuedBytes -= bytes.byteLength;
          if (this.#queuedBytes === 0 && !this.#ended) {
            this.#options.onDrained();
          }
        } else if (this.#ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.cut();
    }
  }

  #push(event: string): void {
    if (this.#ended) {
      return;
    }
    const bytes = encoder.encode(event);
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.byteLength;
    this.#wake?.();
  }

  #end(code: number): void {
    this.#ended = true;
    this.#wake?.();
    this.#options.onClose(code);
  }
}
