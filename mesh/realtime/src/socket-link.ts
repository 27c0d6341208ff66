import type { Clock, Timer } from "./clock.ts";
import { jsonFormat } from "./json-format.ts";
import type { Link, LinkEnd, LinkListener, Settle } from "./link.ts";
import type { WebSocketConstructor, WebSocketLike } from "./platform.ts";
import type { Format } from "./protocol.ts";

/*
 * One WebSocket from its opening to its end: gives commands their ids and their answers, and finds out that the other side
 * is gone. Anything that comes shows that it is there; after `pingIntervalMs` of silence it is asked, and has
 * `pongTimeoutMs` to say anything at all.
 *
 * Answers are handed over in the turn in which they come, not by promises: a push behind an answer may be read in the same
 * turn, and must find the answer dealt with. `ended` is heard once, after which nothing is; a socket that ends itself
 * late, as to a peer that is gone, is not waited for.
 */

export interface SocketLinkOptions {
  readonly url: string;
  readonly WebSocket: WebSocketConstructor;
  readonly format: Format;
  readonly clock: Clock;
  readonly commandTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
}

interface Pending {
  readonly settle: Settle;
  readonly timer: Timer;
}

export class SocketLink implements Link {
  readonly #options: SocketLinkOptions;
  readonly #listener: LinkListener;
  readonly #socket: WebSocketLike;
  readonly #pending = new Map<number, Pending>();
  #format: Format;
  #lastId = 0;
  #heardAtMs: number;
  #isOpen = false;
  #ended = false;
  #pingTimer: Timer | undefined;
  #pongTimer: Timer | undefined;
  #pongDueMs = 0;

  /** Throws what the WebSocket throws of a URL it cannot take. */
  constructor(options: SocketLinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
    this.#format = options.format;
    this.#heardAtMs = options.clock.now();
    // A server of before the form that is wanted takes JSON.
    this.#socket = new options.WebSocket(options.url, [
      ...new Set([options.format.subprotocol, jsonFormat.subprotocol]),
    ]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("open", () => this.#opened());
    this.#socket.addEventListener("message", ({ data }) => this.#heard(data));
    this.#socket.addEventListener("close", ({ code = 1006, reason = "" }) => this.#end({ code, reason }));
    // A close event follows, which says more; but where the opening fails, Node 22 leaves it out.
    this.#socket.addEventListener("error", () => this.#isOpen || this.#end({ code: 1006, reason: "" }));
  }

  request(command: string, body: object, settle: Settle): void {
    if (!this.#isOpen || this.#ended) {
      return;
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const timer = this.#options.clock.setTimer(() => {
      this.#pending.delete(id);
      settle(undefined);
    }, this.#options.commandTimeoutMs);
    this.#pending.set(id, { settle, timer });
    this.#socket.send(this.#format.encode(id, command, body));
  }

  probe(timeoutMs: number, reason: string): void {
    const { clock } = this.#options;
    const dueMs = clock.now() + timeoutMs;
    if (!this.#isOpen || this.#ended || (this.#pongTimer !== undefined && this.#pongDueMs <= dueMs)) {
      return;
    }
    this.request("ping", {}, () => undefined);
    this.#pongTimer?.cancel();
    this.#pongDueMs = dueMs;
    this.#pongTimer = clock.setTimer(() => this.close(1006, reason), timeoutMs);
  }

  close(code: number, reason: string): void {
    if (!this.#ended) {
      // 1006 must not be sent; whoever is not there does not hear it either.
      this.#socket.close(code === 1006 ? 1000 : code, reason);
      this.#end({ code, reason });
    }
  }

  #opened(): void {
    if (this.#ended) {
      return;
    }
    this.#isOpen = true;
    if (this.#socket.protocol === jsonFormat.subprotocol) {
      this.#format = jsonFormat;
    }
    this.#heardAtMs = this.#options.clock.now();
    this.#planPing(this.#options.pingIntervalMs);
    this.#listener.opened();
  }

  #heard(data: unknown): void {
    if (this.#ended) {
      return;
    }
    this.#heardAtMs = this.#options.clock.now();
    this.#pongTimer?.cancel();
    this.#pongTimer = undefined;
    const frame = this.#format.decode(data);
    if (frame?.kind === "answer") {
      const pending = this.#pending.get(frame.id);
      this.#pending.delete(frame.id);
      pending?.timer.cancel();
      pending?.settle(frame.answer);
    } else if (frame !== undefined) {
      this.#listener.frame(frame);
    }
  }

  #planPing(afterMs: number): void {
    const { clock, pingIntervalMs, pongTimeoutMs } = this.#options;
    this.#pingTimer = clock.setTimer(() => {
      const silentMs = clock.now() - this.#heardAtMs;
      if (silentMs >= pingIntervalMs) {
        this.probe(pongTimeoutMs, "ping_timeout");
        this.#planPing(pingIntervalMs);
      } else {
        this.#planPing(Math.min(pingIntervalMs, pingIntervalMs - silentMs));
      }
    }, afterMs);
  }

  #end(end: LinkEnd): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#pingTimer?.cancel();
    this.#pongTimer?.cancel();
    for (const { timer } of this.#pending.values()) {
      timer.cancel();
    }
    this.#pending.clear();
    this.#listener.ended(end);
  }
}
