import type { HttpRequest as UwsRequest, HttpResponse as UwsResponse } from "uWebSockets.js";
import { type Clock, RecentMap, type Timer } from "@weft/mesh";
import { HeaderFields } from "@weft/transcoding";
import type { Leaving, LeavingListener } from "../upstream/client-wait.ts";
import { BodyCollector } from "./body-collector.ts";
import { headersOf, joinedFields } from "./header-lists.ts";
import { type HttpRequest, type HttpResponse, type HttpServerOptions, RequestBodyError } from "./http-server.ts";
import { framingFault } from "./message-framing.ts";
import { statusLine } from "./status-line.ts";

/*
 * One request on uWebSockets.js and its answer.
 *
 * The server's rules shape this file: a request object is gone when its callback returns, so everything is copied first; data
 * is only delivered to a listener set in that callback, so the body is collected from the start; a response may not be
 * touched once it has ended or been aborted, so `open` says whether it may; and whatever is written later is corked, so
 * that it leaves in one system call. A client that reads slowly is waited for: large answers go out by tryEnd and streams
 * by write, each going on when the socket is writable again, unless that takes longer than `sendTimeoutMs`: the server has
 * no limit of its own there, and a client that reads nothing would hold its answer for ever.
 */

/** Answers up to this size are handed over whole; the server copies what the socket does not take. */
const endAtOnceMaxBytes = 64 * 1024;
/** How much of a body that is too large is still read, so that the client gets to see the answer. */
const discardMaxBytes = 8 * 1024 * 1024;

/** One request and its answer. The request is the exchange itself, as handlers see it: an object less for each. */
export class Exchange implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderFields;
  readonly peerAddress: string;
  /** What puts the end of the request in doubt; such a request is not handled. */
  readonly fault: string | undefined;
  readonly #res: UwsResponse;
  readonly #body: BodyCollector | undefined;
  readonly #bodyTimer: Timer | undefined;
  readonly #clock: Clock;
  readonly #sendTimeoutMs: number;
  #sendTimer: Timer | undefined;
  #controller: AbortController | undefined;
  #open = true;
  #aborted = false;
  #listener: LeavingListener | undefined;
  #onWritable: (() => void) | undefined;

  constructor(res: UwsResponse, req: UwsRequest, options: HttpServerOptions, clock: Clock) {
    this.#res = res;
    this.#clock = clock;
    this.#sendTimeoutMs = options.sendTimeoutMs;
    const fields: [string, string][] = [];
    req.forEach((name, value) => {
      fields.push([name, value]);
    });
    this.fault = framingFault(fields);
    res.onAborted(() => this.#abort());
    if (fields.some(([name, value]) => name === "transfer-encoding" || (name === "content-length" && value !== "0"))) {
      const body = new BodyCollector({ maxBytes: options.bodyMaxBytes, discardMaxBytes });
      this.#body = body;
      res.onData((chunk, last) => {
        body.push(new Uint8Array(chunk), last);
        if (last) {
          this.#bodyTimer?.cancel();
        }
      });
      this.#bodyTimer = clock.setTimer(() => {
        body.fail(new RequestBodyError("timeout", `the request body was not here within ${options.bodyTimeoutMs} ms`));
      }, options.bodyTimeoutMs);
    }
    this.method = req.getMethod().toUpperCase();
    this.path = req.getUrl();
    // Undefined without a "?", whatever the types say.
    this.query = req.getQuery() ?? "";
    this.headers = headersOf(fields);
    this.peerAddress = addressOf(res);
  }

  /** Made when somebody asks; aborted already when the client has gone by then. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) {
        this.#controller.abort(clientGone());
      }
    }
    return this.#controller.signal;
  }

  get left(): Leaving | undefined {
    return this.#aborted ? "gone" : undefined;
  }

  tell(listener: LeavingListener | undefined): void {
    this.#listener = listener;
  }

  readBody(): Promise<Uint8Array> {
    return this.#body?.read() ?? noBody;
  }

  /** Hands the response object over to the WebSocket side; false when the client has gone. */
  release(): boolean {
    const open = this.#open;
    this.#open = false;
    this.#bodyTimer?.cancel();
    return open;
  }

  get hasBody(): boolean {
    return this.#body !== undefined;
  }

  /**
   * Answers before anybody handles it, and ends the connection. On a later turn: the server goes on parsing what it has read, and serves it, while
   * the answer to the request before is complete; while one is outstanding it cuts the connection instead.
   */
  refuse(status: 400 | 426, message: string, others: readonly [string, string][] = []): void {
    const code = status === 400 ? "invalid_argument" : "failed_precondition";
    const body = Buffer.from(JSON.stringify({ code, message, details: [] }));
    const headers = new HeaderFields([["content-type", "application/json"], ...others]);
    setImmediate(() => this.#end({ status, headers, body }, body, true));
  }

  /** An answer that needs no body (401, 404) waits for it all the same: who is still writing would see a reset instead. */
  answer(response: HttpResponse): void {
    const send = (): void => this.#send(response);
    if (this.#body === undefined || this.#body.complete) {
      send();
    } else {
      this.#body.read().then(send, send);
    }
  }

  #send(response: HttpResponse): void {
    // What follows on a connection whose body was not read to its end would be taken for the next request.
    const close = this.#body !== undefined && !this.#body.complete;
    if (response.body instanceof Uint8Array) {
      this.#end(response, response.body, close);
    } else {
      void this.#stream(response, response.body);
    }
  }

  /** Ends the connection without an answer, when not even an error could be written. */
  cut(): void {
    if (this.#open) {
      this.#res.close();
    }
  }

  #end(response: HttpResponse, body: Uint8Array, close: boolean): void {
    if (!this.#open) {
      return;
    }
    const res = this.#res;
    res.cork(() => {
      this.#writeHead(response);
      if (this.method === "HEAD" || response.status === 204 || response.status === 304) {
        this.#finished();
        // Without arguments: uWS takes an undefined length for 2^63.
        if (close) {
          res.end(new Uint8Array(), true);
        } else {
          res.endWithoutBody();
        }
      } else if (close || body.byteLength <= endAtOnceMaxBytes) {
        this.#finished();
        res.end(body, close);
      } else {
        this.#endInPieces(body);
      }
    });
  }

  #endInPieces(body: Uint8Array): void {
    const send = (rest: Uint8Array): boolean => {
      const [ok, done] = this.#res.tryEnd(rest, body.byteLength);
      if (done) {
        this.#finished();
      }
      return ok;
    };
    if (!send(body)) {
      this.#awaitReader();
      this.#res.onWritable((offset) => {
        this.#awaitReader();
        return send(body.subarray(offset));
      });
    }
  }

  /** From now on the client has to take something in time. */
  #awaitReader(): void {
    this.#sendTimer?.cancel();
    this.#sendTimer = this.#clock.setTimer(() => this.cut(), this.#sendTimeoutMs);
  }

  async #stream(response: HttpResponse, body: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces = body[Symbol.asyncIterator]();
    let started = false;
    try {
      for (;;) {
        const piece = await pieces.next();
        if (!this.#open) {
          return;
        }
        const head = !started;
        started = true;
        if (piece.done === true) {
          this.#res.cork(() => {
            if (head) {
              this.#writeHead(response);
            }
            this.#finished();
            this.#res.end();
          });
          return;
        }
        if (!this.#write(response, head, piece.value)) {
          await this.#writable();
        }
      }
    } catch {
      // Half an answer must not look like a whole one.
      this.cut();
    } finally {
      await pieces.return?.().catch(() => undefined);
    }
  }

  #write(response: HttpResponse, head: boolean, piece: Uint8Array): boolean {
    let taken = true;
    this.#res.cork(() => {
      if (head) {
        this.#writeHead(response);
      }
      // An empty chunk would end the body.
      taken = piece.byteLength === 0 || this.#res.write(piece);
    });
    return taken;
  }

  #writable(): Promise<void> {
    return new Promise((resolve) => {
      this.#awaitReader();
      const first = this.#onWritable === undefined;
      this.#onWritable = resolve;
      if (first) {
        // Once for all waits: the server puts a listener back after its call, over one that was set meanwhile.
        this.#res.onWritable(() => {
          this.#sendTimer?.cancel();
          this.#onWritable?.();
          return true;
        });
      }
    });
  }

  #writeHead(response: HttpResponse): void {
    this.#res.writeStatus(statusLine(response.status));
    const head = joinedFields(response);
    if (head !== undefined) {
      this.#res.writeHeader(head.name, head.rest);
    }
  }

  #finished(): void {
    this.#open = false;
    this.#bodyTimer?.cancel();
    this.#sendTimer?.cancel();
  }

  #abort(): void {
    this.#finished();
    this.#aborted = true;
    this.#body?.fail(new RequestBodyError("aborted", "the client closed the connection"));
    this.#controller?.abort(clientGone());
    this.#listener?.clientLeft("gone");
    this.#onWritable?.();
  }
}

/** The texts of addresses by their bytes: the server prints one anew for each request. */
const addresses = new RecentMap<string, string>(10_000);

function addressOf(res: UwsResponse): string {
  const bytes = Buffer.from(res.getRemoteAddress()).toString("latin1");
  let text = addresses.get(bytes);
  if (text === undefined) {
    text = Buffer.from(res.getRemoteAddressAsText()).toString("latin1");
    addresses.set(bytes, text);
  }
  return text;
}

const noBody = Promise.resolve(new Uint8Array());

function clientGone(): DOMException {
  return new DOMException("the client closed the connection", "AbortError");
}
