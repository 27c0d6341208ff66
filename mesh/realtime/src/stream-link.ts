import type { Clock, Timer } from "./clock.ts";
import type { Credential } from "./credential.ts";
import { errorOfAnswer } from "./errors.ts";
import { openEventStream } from "./event-stream.ts";
import type { HttpError } from "./http-error.ts";
import { readJsonFrame } from "./json-format.ts";
import type { Link, LinkEnd, LinkListener, Settle } from "./link.ts";
import type { FetchLike } from "./platform.ts";
import { type Answer, isSamePosition, type Position } from "./protocol.ts";
import { StreamChannels } from "./stream-channels.ts";
import { streamRequestOf, type WantedChannel } from "./stream-request.ts";
import { StreamSilence } from "./stream-silence.ts";

/*
 * Server-sent events in the place of a WebSocket, for whoever has the channels: nobody above need know. A stream has the
 * channels that its request names, so with others, and with a new token, another stream is opened; the one before stays
 * until the new one is there, and what both bring is passed on once, as the feeds above drop what they have had.
 */

export interface StreamLinkOptions {
  readonly url: string;
  readonly fetch: FetchLike;
  readonly clock: Clock;
  /** The channels that are listened to, and up to where each is known. */
  readonly wanted: () => readonly WantedChannel[];
  /** Asks for what another stream can be opened with. */
  readonly credential: (settle: (credential: Credential | undefined) => void) => void;
  readonly openTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly silenceMs: number;
}

interface Opening {
  /** Streams of a link are counted. */
  readonly number: number;
  readonly channels: readonly WantedChannel[];
  readonly stop: () => void;
}

/** Subscriptions of a page come together; each stream costs a request. */
const gatherMs = 20;
/** Nothing that is sent here costs the server a frame. */
const agreed: Answer = { ok: true, body: { limits: { framesPerSecond: 1_000_000 } } };

const notHere: Answer = {
  ok: false,
  code: "unavailable",
  message: "a stream of events brings messages and takes none; this needs a WebSocket",
  reason: "EVENT_STREAM",
  retryAfterMs: undefined,
};

export class StreamLink implements Link {
  readonly #options: StreamLinkOptions;
  readonly #listener: LinkListener;
  readonly #channels: StreamChannels;
  readonly #silence: StreamSilence;
  /** How many there were. */
  #streams = 0;
  #current: Opening | undefined;
  #opening: Opening | undefined;
  /** The stream whose first event has not been read: what is asked for now, it may answer. */
  #fresh: Opening | undefined;
  /** Another stream is needed once the one that is being opened is there. */
  #isStale = false;
  #gatherTimer: Timer | undefined;
  #openTimer: Timer | undefined;
  #ended = false;

  constructor(options: StreamLinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
    this.#channels = new StreamChannels(options, listener);
    const isOpen = () => this.#current !== undefined;
    this.#silence = new StreamSilence(options.clock, options.silenceMs, isOpen, (reason) => this.close(1006, reason));
    queueMicrotask(() => this.#ended || listener.opened());
  }

  request(command: string, body: object, settle: Settle): void {
    if (this.#ended) {
      return;
    }
    if (command === "connect") {
      this.#open(body as Credential, this.#options.wanted(), settle);
    } else if (command === "refresh") {
      this.#open(body as Credential, this.#stillWanted(), settle);
    } else if (command === "subscribe") {
      this.#subscribe(body as SubscribeBody, settle);
    } else if (command === "unsubscribe") {
      const { channel } = body as SubscribeBody;
      if (this.#channels.delete(channel)) {
        this.#plan();
      }
    } else {
      queueMicrotask(() => this.#ended || settle(notHere));
    }
  }

  probe(timeoutMs: number, reason: string): void {
    if (this.#current !== undefined && !this.#ended) {
      this.#silence.probe(timeoutMs, reason);
    }
  }

  close(code: number, reason: string): void {
    this.#end({ code, reason });
  }

  #subscribe(body: SubscribeBody, settle: Settle): void {
    const { channel, recover, encoding } = body;
    if (encoding === "binary") {
      queueMicrotask(() => this.#ended || settle(notHere));
      return;
    }
    const named = this.#fresh?.channels.find((each) => each.channel === channel);
    const isNamed = named !== undefined && isSamePosition(named.from, recover);
    this.#channels.add(channel, isNamed ? this.#streams : this.#streams + 1, settle);
    if (!isNamed) {
      this.#plan();
    }
  }

  /** Opens another stream soon. */
  #plan(): void {
    if (this.#opening !== undefined) {
      this.#isStale = true;
      return;
    }
    this.#gatherTimer ??= this.#options.clock.setTimer(() => {
      this.#gatherTimer = undefined;
      const channels = this.#stillWanted();
      if (channels.length === 0) {
        this.#current?.stop();
        this.#current = undefined;
        return;
      }
      this.#options.credential((credential) => {
        if (this.#ended || this.#opening !== undefined) {
          return;
        }
        if (credential === undefined) {
          this.close(1006, "no_credential");
        } else {
          this.#open(credential, this.#stillWanted(), (answer) => this.#reopened(answer));
        }
      });
    }, gatherMs);
  }

  #planIfStale(): void {
    if (this.#isStale && !this.#ended) {
      this.#isStale = false;
      this.#plan();
    }
  }

  #reopened(answer: Answer | undefined): void {
    if (answer?.ok === false) {
      const isRefused = errorOfAnswer(answer).code === "unauthenticated";
      this.close(isRefused ? 4401 : 1006, isRefused ? "token_invalid" : "stream_refused");
    }
  }

  #stillWanted(): readonly WantedChannel[] {
    return this.#options.wanted().filter(({ channel }) => this.#channels.has(channel));
  }

  #open(credential: Credential, channels: readonly WantedChannel[], settle: Settle): void {
    const { url, fetch, clock, openTimeoutMs } = this.#options;
    this.#opening?.stop();
    this.#opening = undefined;
    this.#gatherTimer?.cancel();
    this.#gatherTimer = undefined;
    this.#isStale = false;
    this.#openTimer?.cancel();
    if (channels.length === 0) {
      queueMicrotask(() => this.#ended || settle(agreed));
      return;
    }
    this.#openTimer = clock.setTimer(() => this.close(1006, "connect_timeout"), openTimeoutMs);
    const isThis = (run: () => void) => () => {
      if (!this.#ended && (stream === this.#opening || stream === this.#current)) {
        run();
      }
    };
    const stop = openEventStream(
      { ...streamRequestOf(url, channels, credential), fetch },
      {
        opened: isThis(() => this.#opened(stream, settle)),
        refused: (error) => isThis(() => this.#refused(error, settle))(),
        heard: isThis(() => this.#silence.heard()),
        event: (type, data) => isThis(() => this.#event(stream, type, data))(),
        ended: isThis(() => this.#streamEnded(stream, { code: 1006, reason: "" })),
      },
    );
    this.#streams += 1;
    const stream: Opening = { number: this.#streams, channels, stop };
    this.#opening = stream;
  }

  #opened(stream: Opening, settle: Settle): void {
    this.#openTimer?.cancel();
    this.#current?.stop();
    this.#current = stream;
    this.#opening = undefined;
    this.#silence.heard();
    this.#fresh = stream;
    settle(agreed);
    this.#fresh = undefined;
    this.#planIfStale();
  }

  #refused(error: (HttpError & { readonly status: number }) | undefined, settle: Settle): void {
    this.#openTimer?.cancel();
    this.#opening = undefined;
    if (error === undefined) {
      this.close(1006, "");
      return;
    }
    const { code, message, reason, retryAfterMs, status } = error;
    settle({ ok: false, code: status === 401 ? "unauthenticated" : code, message, reason, retryAfterMs });
    if (this.#current === undefined) {
      this.close(1006, "stream_refused");
    }
    this.#planIfStale();
  }

  #event(stream: Opening, type: string, data: string): void {
    if (type === "close") {
      this.#streamEnded(stream, endOf(data));
      return;
    }
    const frame = readJsonFrame(data);
    if (frame?.kind === "answer") {
      const named = stream.channels[frame.id - 1];
      if (named !== undefined) {
        this.#channels.answered(stream.number, named, frame.answer);
      }
    } else if (frame !== undefined) {
      this.#listener.frame(frame);
    }
  }

  #streamEnded(stream: Opening, end: LinkEnd): void {
    if (stream !== this.#current) {
      return;
    }
    stream.stop();
    this.#current = undefined;
    if (end.reason === "insufficient_state") {
      // One channel has lost something and its feed asks again; the others go on from where they are.
      this.#plan();
    } else if (this.#opening === undefined) {
      this.#end(end);
    }
  }

  #end(end: LinkEnd): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#gatherTimer?.cancel();
    this.#openTimer?.cancel();
    this.#silence.stop();
    this.#channels.clear();
    this.#opening?.stop();
    this.#current?.stop();
    this.#listener.ended(end);
  }
}

interface SubscribeBody {
  readonly channel: string;
  readonly recover?: Position;
  readonly encoding?: string;
}

function endOf(data: string): LinkEnd {
  try {
    const { code, reason } = JSON.parse(data) as Partial<LinkEnd>;
    return { code: typeof code === "number" ? code : 1006, reason: String(reason ?? "") };
  } catch {
    return { code: 1006, reason: "" };
  }
}
