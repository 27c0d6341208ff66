import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { gzip } from "node:zlib";
import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { meshHeaders } from "../call-context.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import type { Encodable } from "../codec/message-codec.ts";
import { traceFromHeader } from "../trace-context.ts";
import type { RpcCore } from "./rpc-core.ts";
import type { ServedMethod } from "./served-method.ts";
import { ServerCall } from "./server-call.ts";
import { parseGrpcTimeout } from "./timeout-header.ts";

/**
 * A unary call that came as plain gRPC, on an HTTP/2 stream of its own: from foreign clients, and from our own when a
 * message is too large for a lane. Written on node:http2's streams, since its request and response objects, and Connect's
 * pipelines of iterators on them, cost several times what the call does.
 *
 * Only what is common takes this way: POST, application/grpc or +proto, no request compression. The rest is Connect's.
 */
const prefixBytes = 5;

/** What one message may hold; the same that callers accept as an answer. */
export const maxMessageBytes = 16 * 1024 * 1024;

/** Whether this file serves a request of these headers. */
export function isPlainGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  const encoding = headers["grpc-encoding"];
  return (
    (type === "application/grpc" || type === "application/grpc+proto") &&
    headers[":method"] === "POST" &&
    (encoding === undefined || encoding === "identity")
  );
}

const callOf = Symbol("call");

interface CallStream extends ServerHttp2Stream {
  [callOf]?: GrpcCall;
}

/** Encodes one answer at a time: each is copied out before the next begins. */
const scratch = new ByteWriter();

/** Smaller ones are sent sooner than they are compressed. */
const compressMinBytes = 64 * 1024;

const okTrailers = { "grpc-status": "0" };

export class GrpcCall extends ServerCall {
  readonly #stream: CallStream;
  readonly #headers: IncomingHttpHeaders;
  #first: Buffer | undefined;
  #chunks: Buffer[] | undefined;
  #bytes = 0;
  #trailers: Record<string, string> = okTrailers;

  /** Reads the request and starts the call when it is complete. */
  constructor(
    core: RpcCore,
    served: ServedMethod,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    caller: string | undefined,
  ) {
    super(core, served, core.clock.monotonicMs());
    this.#stream = stream;
    this.#headers = headers;
    this.caller = caller;
    const timeoutMs = parseGrpcTimeout(headers["grpc-timeout"] as string | undefined);
    if (timeoutMs !== undefined) {
      this.deadlineMs = this.startedAtMs + timeoutMs;
    }
    const trace = headers.traceparent === undefined ? undefined : traceFromHeader(headers.traceparent as string);
    if (trace === undefined) {
      this.beginTrace();
    } else {
      this.useTrace(trace);
    }
    this.arrive();
    this.#stream[callOf] = this;
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.on("close", onClose);
    stream.on("error", onError);
  }

  get peerAddress(): string | undefined {
    return this.#stream.session?.socket.remoteAddress;
  }

  push(chunk: Buffer): void {
    if (this.ended) {
      return;
    }
    this.#bytes += chunk.length;
    if (this.#bytes > maxMessageBytes + prefixBytes) {
      this.#drop();
      this.refuse(new ConnectError(`the message exceeds ${maxMessageBytes} bytes`, Code.ResourceExhausted));
      return;
    }
    if (this.#first === undefined) {
      this.#first = chunk;
    } else {
      this.#chunks ??= [this.#first];
      this.#chunks.push(chunk);
    }
  }

  #drop(): void {
    this.#first = undefined;
    this.#chunks = undefined;
  }

  protected headerValue(name: string): string | undefined {
    const value = this.#headers[name];
    return typeof value === "string" ? value : value?.[0];
  }

  protected makeRequestHeader(): Headers {
    const headers = new Headers();
    for (const [name, value] of Object.entries(this.#headers)) {
      if (!name.startsWith(":") && value !== undefined) {
        for (const one of Array.isArray(value) ? value : [value]) {
          headers.append(name, one);
        }
      }
    }
    return headers;
  }

  protected readMessage(): Message {
    const bytes = this.#chunks === undefined ? this.#first : Buffer.concat(this.#chunks, this.#bytes);
    this.#drop();
    if (bytes === undefined || bytes.length < prefixBytes) {
      throw new ConnectError("the request has no message", Code.InvalidArgument);
    }
    if (bytes[0] !== 0) {
      throw new ConnectError("the message is compressed and names no encoding", Code.Internal);
    }
    if (bytes.readUInt32BE(1) !== bytes.length - prefixBytes) {
      throw new ConnectError("a unary call takes one message of the announced length", Code.InvalidArgument);
    }
    try {
      return this.served.request.decode(bytes, prefixBytes, bytes.length);
    } catch (cause) {
      throw new ConnectError("the message cannot be decoded", Code.InvalidArgument, undefined, undefined, cause);
    }
  }

  protected sendAnswer(message: Encodable): void {
    const stream = this.#stream;
    scratch.position = 0;
    const size = this.served.response.encode(message, scratch);
    if (stream.destroyed) {
      return;
    }
    const body = envelope(0, scratch.bytes.subarray(0, size));
    if (size < compressMinBytes || !acceptsGzip(this.#headers)) {
      this.#send(body, false);
      return;
    }
    gzip(body.subarray(prefixBytes), { level: 1 }, (error, compressed) => {
      if (error === null && compressed.length < size) {
        this.#send(envelope(1, compressed), true);
      } else {
        this.#send(body, false);
      }
    });
  }

  #send(body: Buffer, compressed: boolean): void {
    const stream = this.#stream;
    if (stream.destroyed) {
      return;
    }
    const headers: Record<string, string | number> = {
      ":status": 200,
      "content-type": "application/grpc+proto",
    };
    // Whoever named the call finds the name again; made for everybody else it would cost more than the rest of the headers.
    if (!this.correlatedByTrace) {
      headers[meshHeaders.correlationId] = this.correlationId;
    }
    if (compressed) {
      headers["grpc-encoding"] = "gzip";
    }
    addHeaders(headers, this.headersToSend);
    if (this.trailersToSend !== undefined) {
      this.#trailers = {};
      addHeaders(this.#trailers, this.trailersToSend);
      this.#trailers["grpc-status"] = "0";
    }
    stream.on("wantTrailers", onWantTrailers);
    stream.respond(headers, { waitForTrailers: true });
    stream.end(body);
  }

  protected sendError(error: ConnectError): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) {
      return;
    }
    const headers: Record<string, string | number> = { ":status": 200, "content-type": "application/grpc+proto" };
    addHeaders(headers, this.headersToSend);
    addHeaders(headers, this.trailersToSend);
    addHeaders(headers, setTrailerStatus(new Headers(), error));
    stream.respond(headers, { endStream: true });
    // What the caller has not sent yet is of no interest: NO_ERROR says so without failing the answer (RFC 9113, 8.1).
    // Not at once: said in the middle of reading, it would overtake the answer.
    if (!stream.readableEnded) {
      this.core.clock.setTimer(() => stream.close(constants.NGHTTP2_NO_ERROR), 0);
    }
  }

  sendTrailers(): void {
    this.#stream.sendTrailers(this.#trailers);
  }
}

function envelope(flags: number, message: Uint8Array): Buffer {
  const body = Buffer.allocUnsafe(prefixBytes + message.length);
  body[0] = flags;
  body.writeUInt32BE(message.length, 1);
  body.set(message, prefixBytes);
  return body;
}

function acceptsGzip(headers: IncomingHttpHeaders): boolean {
  return /\bgzip\b/.test((headers["grpc-accept-encoding"] as string | undefined) ?? "");
}

/** node:http2 throws for them, when the handler has done its work already. */
const forbiddenHeaders: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

function addHeaders(target: Record<string, string | number>, headers: Headers | undefined): void {
  if (headers !== undefined) {
    for (const [name, value] of headers) {
      if (!forbiddenHeaders.has(name)) {
        target[name] = value;
      }
    }
  }
}

// One listener each for all calls: a closure per call and event is what makes the generic way slow.

function onData(this: CallStream, chunk: Buffer): void {
  this[callOf]?.push(chunk);
}

function onEnd(this: CallStream): void {
  const call = this[callOf];
  if (call !== undefined && !call.ended) {
    call.start();
  }
}

function onClose(this: CallStream): void {
  const call = this[callOf];
  if (call !== undefined && !call.ended) {
    call.cancel();
  }
}

function onError(): void {
  // 'close' follows and says what is to be done.
}

function onWantTrailers(this: CallStream): void {
  this[callOf]?.sendTrailers();
}
