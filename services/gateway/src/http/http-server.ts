/*
 * The HTTP server as the rest of the gateway sees it: requests in, answers out, and sockets for one WebSocket route. The
 * gateway is written against this port, so that the server behind it (`uws-server.ts`) can be replaced.
 */

import type { WaitingClient } from "../upstream/client-wait.ts";

/** A request whose data outlives the server's own request object, and whose client may go before it is answered. */
export interface HttpRequest extends WaitingClient {
  /** In capitals. */
  readonly method: string;
  /** As sent: still percent-encoded, without the query. */
  readonly path: string;
  /** What stands behind "?"; "" for none. */
  readonly query: string;
  readonly headers: Headers;
  /** The address of the other end of the connection, which may be a proxy's. */
  readonly peerAddress: string;
  /** Whether a body follows: none is sent in most requests. */
  readonly hasBody: boolean;
  /** The whole body. Rejects with a RequestBodyError when it is larger than the server's limit, late or cut short. */
  readBody(): Promise<Uint8Array>;
}

export type HeaderField = readonly [name: string, value: string];

/** Fields that stand in nearly every answer, written once. */
export interface FieldBlock {
  readonly fields: readonly HeaderField[];
  readonly names: ReadonlySet<string>;
  /** "name: value" of each, with the ends of lines between them. */
  readonly text: string;
}

export interface HttpResponse {
  readonly status: number;
  /** Without content-length and transfer-encoding, which the server writes. */
  readonly headers: Headers;
  /**
   * Fields besides, in lower case, with values of our own: those that most answers carry. One that is in `headers` too is
   * left out. A list, as putting a dozen fields into Headers costs more than most of what an answer needs.
   */
  readonly fields?: readonly HeaderField[];
  /** The same, of fields that are the same in all answers; none of them is among `fields`. */
  readonly block?: FieldBlock;
  /** All at once, or piece by piece at the speed of the client. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
}

/** Answers a request. Must not reject. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

/** Why a body could not be read: larger than allowed, not here in time, malformed, or the client left. */
export type RequestBodyFault = "too_large" | "timeout" | "aborted";

export class RequestBodyError extends Error {
  override readonly name = "RequestBodyError";
  readonly fault: RequestBodyFault;

  constructor(fault: RequestBodyFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** One end of an open WebSocket. Calls after its close do nothing. */
export interface WebSocketConnection {
  /**
   * Sends one frame: of text, given as such or as its UTF-8 bytes, unless it says "binary". Sending always queues: check
   * `bufferedBytes` before.
   */
  send(frame: string | Uint8Array, form?: "text" | "binary"): void;
  /** Bytes that were sent and the client has not yet taken. */
  readonly bufferedBytes: number;
  /** Says why and closes. Reasons longer than 123 bytes of ASCII are cut. */
  close(code: number, reason: string): void;
}

/** What happens on a socket. `closed` is the last. */
export interface WebSocketListener {
  /** A whole message; its bytes are the server's, and good for this call only. */
  message(bytes: Uint8Array, form: "text" | "binary"): void;
  /** The client has taken some of what was buffered. */
  drained(): void;
  closed(code: number): void;
}

/** An upgrade is taken, with what greets the open socket, or answered like any request. */
export type UpgradeDecision =
  | { readonly accept: true; readonly protocol: string; open(connection: WebSocketConnection): WebSocketListener }
  | { readonly accept: false; readonly response: HttpResponse };

export interface WebSocketRoute {
  readonly path: string;
  /** Longer frames end the connection without a word: keep it above the limit that is answered. */
  readonly frameMaxBytes: number;
  /** A connection with nothing to hear (not even pongs) for this long is closed; 8 to 960. */
  readonly idleTimeoutSeconds: number;
  /**
   * Must not throw or reject. What can be decided without waiting for anything outside should be: such a connection is opened
   * in one system call, others in a dozen.
   */
  upgrade(request: HttpRequest): UpgradeDecision | Promise<UpgradeDecision>;
}

export interface HttpServerOptions {
  readonly handler: HttpHandler;
  readonly webSocket: WebSocketRoute;
  readonly bodyMaxBytes: number;
  /** From the arrival of the request to the last byte of its body. */
  readonly bodyTimeoutMs: number;
  /** How long a client may take nothing of an answer that waits for it. */
  readonly sendTimeoutMs: number;
  /** Whether other processes of the same user may listen on the same port, each getting some of the connections. */
  readonly sharePort?: boolean;
  /** HTTPS instead of HTTP, with the certificate of the moment. */
  readonly tls?: TlsSource | undefined;
}

export interface TlsSource {
  readonly files: TlsFiles;
  /** Calls back when the files hold another certificate. */
  onChange(listener: (files: TlsFiles) => void): void;
}

/** Where a certificate (with its chain) and its private key are, in PEM. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface HttpServer {
  /** Resolves to the port, which 0 leaves to the system. Rejects with EADDRINUSE. */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new connections; those that are open go on. Repeating it does nothing. */
  stopListening(): void;
  /** Cuts every connection. */
  close(): void;
}
