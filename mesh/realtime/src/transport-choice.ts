/*
 * Which way the next connection is tried. WebSockets, until so many in a row could not be opened; then each failure is
 * followed at once by an attempt with a stream of events. So a stream is what is left where a network lets no WebSocket
 * through, and hardly ever what comes of a server that was away for everybody: there, the WebSocket before it works again.
 *
 * A stream that worked is opened again without trying a WebSocket first, which may take until its timeout to fail, but not for
 * longer than `retryWebSocketMs`: the laptop may be in another network by then. A stream ends with its token, so it is known
 * soon enough.
 */

export type Transport = "websocket" | "event_stream";

export interface TransportChoiceOptions {
  readonly webSocketAttempts: number;
  readonly retryWebSocketMs: number;
}

export class TransportChoice {
  readonly #options: TransportChoiceOptions;
  /** Of WebSockets, in a row. */
  #failures = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #isStreamDue = false;
  #streamWorks = false;

  constructor(options: TransportChoiceOptions) {
    this.#options = options;
  }

  next(nowMs: number): Transport {
    const isRecent = nowMs - this.#failedAtMs < this.#options.retryWebSocketMs;
    return this.#isStreamDue || (this.#streamWorks && isRecent) ? "event_stream" : "websocket";
  }

  /** It opened, and the server recognised the user. */
  worked(transport: Transport): void {
    this.#isStreamDue = false;
    this.#streamWorks = transport === "event_stream";
    if (transport === "websocket") {
      this.#failures = 0;
    }
  }

  /** It ended before it worked; gives whether the other way is to be tried at once. */
  failed(transport: Transport, nowMs: number): boolean {
    this.#streamWorks = false;
    if (transport === "websocket") {
      this.#failures += 1;
      this.#failedAtMs = nowMs;
    }
    this.#isStreamDue = transport === "websocket" && this.#failures >= this.#options.webSocketAttempts;
    return this.#isStreamDue;
  }
}
