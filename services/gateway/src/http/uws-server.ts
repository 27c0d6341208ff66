import "./uws-settings.ts";
import * as uws from "uWebSockets.js";
import type { Clock, Timer } from "@weft/mesh";
import { BodyCollector } from "./body-collector.ts";
import {
  type HttpRequest,
  type HttpResponse,
  type HttpServer,
  type HttpServerOptions,
  RequestBodyError,
  type UpgradeDecision,
  type WebSocketConnection,
  type WebSocketListener,
} from "./http-server.ts";
import { framingFault } from "./message-framing.ts";
import { statusLine } from "./status-line.ts";

/*
 * The HTTP-server port on uWebSockets.js, and the only file that knows it.
 *
 * Its rules shape this file: a request object is gone when its callback returns, so everything is copied first; data is
 * only delivered to a listener set in that callback, so the body is collected from the start; a response may not be
 * touched once it has ended or been aborted, so `open` says whether it may; and whatever is written later is corked, so
 * that it leaves in one system call. A client that reads slowly is waited for: large answers go out by tryEnd and streams
 * by write, each going on when the socket is writable again.
 */

/** Answers up to this size are handed over whole; the server copies what the socket does not take. */
const endAtOnceMaxBytes = 64 * 1024;
/** How much of a body that is too large is still read, so that the client gets to see the answer. */
const discardMaxBytes = 8 * 1024 * 1024;
/** More than any connection may have buffered: the gateway acts on slow readers itself, and nothing is dropped here. */
const unboundedBackpressureBytes = 1024 * 1024 * 1024;

interface SocketData {
  readonly decision: Extract<UpgradeDecision, { accept: true }>;
  connection?: UwsConnection;
  listener?: WebSocketListener;
}

/** Builds the server; nothing listens yet. */
export function createUwsServer(options: HttpServerOptions, clock: Clock): HttpServer {
  // Without it every answer names the server.
  (uws as unknown as { _cfg(key: string): void })._cfg("silent");
  const app = uws.App();
  let listenSocket: uws.us_listen_socket | undefined;
  app.ws<SocketData>(options.webSocket.path, {
    maxPayloadLength: options.webSocket.frameMaxBytes,
    idleTimeout: options.webSocket.idleTimeoutSeconds,
    sendPingsAutomatically: true,
    maxBackpressure: unboundedBackpressureBytes,
    upgrade: (res, req, context) => upgrade(new Exchange(res, req, options, clock), res, req, context, options),
    open: (ws) => {
      const data = ws.getUserData();
      data.connection = new UwsConnection(ws);
      data.listener = data.decision.open(data.connection);
      if (data.connection.closeCode !== undefined) {
        data.listener.closed(data.connection.closeCode);
      }
    },
    message: (ws, message, isBinary) => {
      const { listener } = ws.getUserData();
      if (isBinary) {
        listener?.binary();
      } else {
        listener?.text(Buffer.from(message).toString("utf8"));
      }
    },
    drain: (ws) => ws.getUserData().listener?.drained(),
    close: (ws, code) => {
      const { connection, listener } = ws.getUserData();
      connection?.closed(code);
      listener?.closed(code);
    },
  });
  app.any("/*", (res, req) => {
    const exchange = new Exchange(res, req, options, clock);
    if (exchange.fault !== undefined) {
      exchange.refuseFraming();
      return;
    }
    void options
      .handler(exchange.request)
      .then((response) => exchange.answer(response))
      .catch(() => exchange.cut());
  });
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        // Exclusive: by default several processes could share the port, each getting some of the connections.
        (app.listen as unknown as ExclusiveListen).call(app, host, port, exclusivePort, (socket) => {
          if (socket === false) {
            // The server does not say why; a port of ours that cannot be had is one that is taken.
            const error = new Error(`${host}:${port} cannot be listened on`);
            reject(Object.assign(error, { code: "EADDRINUSE" }));
            return;
          }
          listenSocket = socket;
          resolve(uws.us_socket_local_port(socket));
        });
      }),
    stopListening: () => {
      if (listenSocket !== undefined) {
        uws.us_listen_socket_close(listenSocket);
        listenSocket = undefined;
      }
    },
    close: () => {
      listenSocket = undefined;
      app.close();
    },
  };
}

/** LIBUS_LISTEN_EXCLUSIVE_PORT of the native library; the types name it where the module does not export it. */
const exclusivePort = 1;

/** The form of `listen` with a host and an option, which the types lack. */
type ExclusiveListen = (
  host: string,
  port: number,
  option: number,
  done: (socket: uws.us_listen_socket | false) => void,
) => void;

function upgrade(
  exchange: Exchange,
  res: uws.HttpResponse,
  req: uws.HttpRequest,
  context: uws.us_socket_context_t,
  { webSocket }: HttpServerOptions,
): void {
  if (exchange.fault !== undefined) {
    exchange.refuseFraming();
    return;
  }
  const key = req.getHeader("sec-websocket-key");
  const extensions = req.getHeader("sec-websocket-extensions");
  const act = (decision: UpgradeDecision): void => {
    if (!decision.accept) {
      exchange.answer(decision.response);
    } else if (exchange.release()) {
      res.cork(() => res.upgrade<SocketData>({ decision }, key, decision.protocol, extensions, context));
    } else {
      // The client left while it was decided: what was reserved for it is given back.
      decision.open({ send: () => undefined, close: () => undefined, bufferedBytes: 0 }).closed(1006);
    }
  };
  void webSocket
    .upgrade(exchange.request)
    .then(act)
    .catch(() => exchange.cut());
}

/** One request and its answer. */
class Exchange {
  readonly request: HttpRequest;
  /** What puts the end of the request in doubt; such a request is not handled. */
  readonly fault: string | undefined;
  readonly #res: uws.HttpResponse;
  readonly #body: BodyCollector | undefined;
  readonly #bodyTimer: Timer | undefined;
  readonly #controller = new AbortController();
  #open = true;
  #onWritable: (() => void) | undefined;

  constructor(res: uws.HttpResponse, req: uws.HttpRequest, options: HttpServerOptions, clock: Clock) {
    this.#res = res;
    const fields: [string, string][] = [];
    req.forEach((name, value) => {
      fields.push([name, value]);
    });
    this.fault = framingFault(fields);
    res.onAborted(() => this.#aborted());
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
    this.request = {
      method: req.getMethod().toUpperCase(),
      path: req.getUrl(),
      // Undefined without a "?", whatever the types say.
      query: req.getQuery() ?? "",
      headers: headersFrom(fields),
      peerAddress: Buffer.from(res.getRemoteAddressAsText()).toString(),
      signal: this.#controller.signal,
      readBody: () => this.#body?.read() ?? Promise.resolve(new Uint8Array()),
    };
  }

  /** Hands the response object over to the WebSocket side; false when the client has gone. */
  release(): boolean {
    const open = this.#open;
    this.#open = false;
    this.#bodyTimer?.cancel();
    return open;
  }

  /**
   * Answers 400 and ends the connection. On a later turn: the server goes on parsing what it has read, and serves it, while
   * the answer to the request before is complete; while one is outstanding it cuts the connection instead.
   */
  refuseFraming(): void {
    const body = Buffer.from(JSON.stringify({ code: "invalid_argument", message: this.fault, details: [] }));
    const headers = new Headers({ "content-type": "application/json" });
    setImmediate(() => this.#end({ status: 400, headers, body }, body, true));
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
      if (this.request.method === "HEAD" || response.status === 204 || response.status === 304) {
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
      this.#res.onWritable((offset) => send(body.subarray(offset)));
    }
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
      this.#onWritable = resolve;
      this.#res.onWritable(() => {
        resolve();
        return true;
      });
    });
  }

  #writeHead({ status, headers }: HttpResponse): void {
    this.#res.writeStatus(statusLine(status));
    for (const [name, value] of headers) {
      this.#res.writeHeader(name, value);
    }
  }

  #finished(): void {
    this.#open = false;
    this.#bodyTimer?.cancel();
  }

  #aborted(): void {
    this.#finished();
    this.#body?.fail(new RequestBodyError("aborted", "the client closed the connection"));
    this.#controller.abort(new DOMException("the client closed the connection", "AbortError"));
    this.#onWritable?.();
  }
}

class UwsConnection implements WebSocketConnection {
  /** Set once it is closed, which may be while it is being opened. */
  closeCode: number | undefined;
  #ws: uws.WebSocket<SocketData> | undefined;

  constructor(ws: uws.WebSocket<SocketData>) {
    this.#ws = ws;
  }

  get bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  send(frame: string | Uint8Array, form: "text" | "binary" = "text"): void {
    this.#ws?.send(frame, form === "binary");
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, reason.slice(0, 123));
  }

  closed(code: number): void {
    this.#ws = undefined;
    this.closeCode = code;
  }
}

function headersFrom(fields: readonly (readonly [string, string])[]): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) {
    try {
      headers.append(name, value);
    } catch {
      // A name or value that HTTP does not allow, which the server let through: nothing of ours reads it.
    }
  }
  return headers;
}
