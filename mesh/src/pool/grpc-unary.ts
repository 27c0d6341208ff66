import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { constants } from "node:http2";
import { gunzip } from "node:zlib";
import { type DescMethodUnary, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { MeshError } from "../errors.ts";

/** One call, ready to be sent. */
export interface UnaryCall {
  readonly method: DescMethodUnary;
  readonly header: Headers;
  readonly message: Message;
  /** Time left; undefined for none. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface UnaryAnswer {
  readonly header: Headers;
  readonly trailer: Headers;
  readonly message: Message;
}

/*
 * One unary gRPC call on one HTTP/2 stream. Written on node:http2 itself because the caller must know what the generic
 * client cannot tell: whether a failed call may have reached the handler. Refused streams (REFUSED_STREAM, or a GOAWAY
 * that names a lower stream) were not processed and may be repeated whatever their method; anything else that ends
 * early may have been.
 */

/** Bytes of an answer that are read at most; 16 MiB, beyond which an answer belongs on a stream. */
export const maxAnswerBytes = 16 * 1024 * 1024;
/** The most that grpc-timeout can say in milliseconds (eight digits); longer ones are as good as none. */
const maxTimeoutMs = 99_999_999;

/** Headers that HTTP/2 forbids or that this file writes: a caller who passes on what it received cannot break the call. */
const ownHeaders: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "content-type",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-timeout",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

export function grpcUnary(session: ClientHttp2Session, authority: string, call: UnaryCall): Promise<UnaryAnswer> {
  return new Promise((resolve, reject) => {
    if (call.signal?.aborted ?? false) {
      reject(abortError(call.signal));
      return;
    }
    // Before the stream is opened: a message that cannot be encoded is its caller's mistake and reaches nobody.
    const body = envelope(toBinary(call.method.input, call.message));
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(requestHeaders(authority, call), { endStream: false });
    } catch (cause) {
      reject(new MeshError("CONNECTION_LOST", undefined, { cause }));
      return;
    }
    const answer = new AnswerReader();
    let settled = false;
    const settle = (finish: () => void): void => {
      if (!settled) {
        settled = true;
        call.signal?.removeEventListener("abort", onAbort);
        finish();
      }
    };
    const fail = (error: unknown): void => settle(() => reject(error));
    const onAbort = (): void => {
      fail(abortError(call.signal));
      stream.close(constants.NGHTTP2_CANCEL);
    };
    call.signal?.addEventListener("abort", onAbort, { once: true });
    stream.on("response", (headers) => {
      answer.headers = headers;
    });
    stream.on("trailers", (trailers) => {
      answer.trailers = trailers;
    });
    stream.on("data", (chunk: Buffer) => {
      if (!answer.push(chunk)) {
        fail(answerTooLarge(call));
        stream.close(constants.NGHTTP2_CANCEL);
      }
    });
    stream.on("error", (cause) => fail(lost(stream, cause)));
    stream.on("close", () => {
      settle(() => {
        if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || answer.headers === undefined) {
          reject(lost(stream, undefined));
          return;
        }
        try {
          resolve(answer.finish(call));
        } catch (error) {
          reject(
            readable(error) ? error : new MeshError("PROTOCOL_ERROR", unreadable(call), { cause: error, sent: true }),
          );
        }
      });
    });
    stream.end(body);
  });
}

function requestHeaders(authority: string, call: UnaryCall): Record<string, string> {
  const headers: Record<string, string> = {
    ":method": "POST",
    ":path": `/${call.method.parent.typeName}/${call.method.name}`,
    ":scheme": "http",
    ":authority": authority,
    "content-type": "application/grpc+proto",
    "grpc-accept-encoding": "gzip",
    te: "trailers",
    "user-agent": "weft-mesh",
  };
  for (const [name, value] of call.header) {
    if (!ownHeaders.has(name)) {
      headers[name] = value;
    }
  }
  if (call.timeoutMs !== undefined) {
    headers["grpc-timeout"] = `${Math.min(maxTimeoutMs, Math.max(1, Math.floor(call.timeoutMs)))}m`;
  }
  return headers;
}

/** Flags (uncompressed) and length, then the message. */
function envelope(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}

class AnswerReader {
  headers: IncomingHttpHeaders | undefined;
  trailers: IncomingHttpHeaders | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** False when the answer is larger than the limit. */
  push(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    return this.#bytes <= maxAnswerBytes + 5;
  }

  /** A promise where the answer has to be unpacked first. */
  finish(call: UnaryCall): UnaryAnswer | Promise<UnaryAnswer> {
    const header = webHeaders(this.headers ?? {});
    const status = Number(this.headers?.[":status"]);
    const trailersOnly = this.trailers === undefined;
    const trailer = trailersOnly ? header : webHeaders(this.trailers ?? {});
    if (!trailer.has("grpc-status")) {
      if (status !== 200) {
        throw httpError(status);
      }
      throw new MeshError("PROTOCOL_ERROR", `${call.method.name} was answered without grpc-status`, { sent: true });
    }
    const error = findTrailerError(trailer);
    if (error !== undefined) {
      for (const [name, value] of header) {
        if (!error.metadata.has(name)) {
          error.metadata.set(name, value);
        }
      }
      throw error;
    }
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#bytes);
    const packed = body[0] === 1 && header.get("grpc-encoding") === "gzip";
    if (body.length < 5 || (body[0] !== 0 && !packed) || body.readUInt32BE(1) !== body.length - 5) {
      throw new MeshError("PROTOCOL_ERROR", `${call.method.name} was answered with a malformed message`, {
        sent: true,
      });
    }
    const bytes = body.subarray(5);
    return packed
      ? unpacked(bytes, call).then((message) => ({ header, trailer, message }))
      : { header, trailer, message: fromBinary(call.method.output, bytes) };
  }
}

/** A message that came compressed; bounded, since a few bytes may unpack to gigabytes. */
function unpacked(bytes: Buffer, call: UnaryCall): Promise<Message> {
  return new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: maxAnswerBytes }, (error, message) => {
      try {
        if (error !== null) {
          throw error;
        }
        resolve(fromBinary(call.method.output, message));
      } catch (cause) {
        const tooLarge = (cause as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
        reject(
          tooLarge ? answerTooLarge(call) : new MeshError("PROTOCOL_ERROR", unreadable(call), { cause, sent: true }),
        );
      }
    });
  });
}

function answerTooLarge(call: UnaryCall): MeshError {
  const what = `an answer of ${call.method.name} exceeds ${maxAnswerBytes} bytes`;
  return new MeshError("MESSAGE_TOO_LARGE", what, { sent: true });
}

/** Whether finishing an answer failed in a way that already says what it means. */
function readable(error: unknown): boolean {
  return error instanceof MeshError || error instanceof ConnectError;
}

function unreadable(call: UnaryCall): string {
  return `${call.method.name} was answered with something that cannot be decoded`;
}

function webHeaders(headers: IncomingHttpHeaders): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(":") && value !== undefined) {
      result.set(name, Array.isArray(value) ? value.join(", ") : value);
    }
  }
  return result;
}

/** Proxies and foreign servers answer with a bare HTTP status; the mapping is gRPC's (http-grpc-status-mapping). */
function httpError(status: number): ConnectError {
  const codes: Readonly<Record<number, Code>> = {
    400: Code.Internal,
    401: Code.Unauthenticated,
    403: Code.PermissionDenied,
    404: Code.Unimplemented,
    429: Code.Unavailable,
    502: Code.Unavailable,
    503: Code.Unavailable,
    504: Code.Unavailable,
  };
  return new ConnectError(`HTTP ${status}`, codes[status] ?? Code.Unknown);
}

function lost(stream: ClientHttp2Stream, cause: unknown): Error {
  switch (stream.rstCode) {
    case constants.NGHTTP2_REFUSED_STREAM:
      return new MeshError("CALL_REFUSED", undefined, { cause });
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return new MeshError("CALL_REFUSED", "the peer asks for calm", { cause, sent: true });
    case constants.NGHTTP2_CANCEL:
      return new MeshError("CONNECTION_LOST", "the peer cancelled the call", { cause, sent: true });
    default:
      // A stream without an id was still waiting for its turn: nothing of it left this process.
      return new MeshError("CONNECTION_LOST", undefined, { cause, sent: stream.id !== undefined });
  }
}

/** The reason of an aborted signal is ours when a deadline layer set it; otherwise the caller has gone. */
function abortError(signal: AbortSignal | undefined): MeshError {
  const reason: unknown = signal?.reason;
  return reason instanceof MeshError ? reason : new MeshError("CANCELED", undefined, { cause: reason, sent: true });
}
