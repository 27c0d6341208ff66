import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { Code, type ConnectError } from "@connectrpc/connect";
import { encodeEnvelope, type UniversalHandler } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus, trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { serviceError } from "@weft/mesh";
import type { HttpRequest } from "../http/http-server.ts";

/*
 * A request whose bytes are no message is the client's fault, and the library answers it as ours: INTERNAL, with the words
 * of the decoder. So whenever it says INTERNAL, the request is looked at once more, and if it cannot be read the answer
 * becomes INVALID_ARGUMENT. Only answers that are wrong already pay for the second look, and no message text is guessed
 * from. JSON is not concerned, the library's answer to it is right.
 */

export interface UnaryAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

const noBytes = new Uint8Array();

/** The answer as it is, or the one to a request that cannot be read. */
export function blamedRightly(
  handler: UniversalHandler,
  request: HttpRequest,
  sent: Uint8Array,
  given: UnaryAnswer,
): UnaryAnswer {
  const isEnveloped = isGrpcWeb(request.headers);
  if (!saysInternal(given, isEnveloped)) {
    return given;
  }
  const reason = unreadable(handler.method.input, request, sent, isEnveloped);
  if (reason === undefined) {
    return given;
  }
  const error = serviceError(Code.InvalidArgument, "MESSAGE_INVALID", reason);
  return isEnveloped ? inTrailers(error, given) : inBody(error, given);
}

function isGrpcWeb(headers: Headers): boolean {
  return headers.get("content-type")?.startsWith("application/grpc-web") === true;
}

function saysInternal({ status, body }: UnaryAnswer, isEnveloped: boolean): boolean {
  return isEnveloped
    ? ((body[0] ?? 0) & trailerFlag) !== 0 &&
        trailerParse(body.subarray(5)).get("grpc-status") === String(Code.Internal)
    : status === codeToHttpStatus(Code.Internal);
}

/** Why there is no message in what was sent; undefined when there is one, or when it is JSON. */
function unreadable(
  desc: DescMessage,
  request: HttpRequest,
  sent: Uint8Array,
  isEnveloped: boolean,
): string | undefined {
  const contentType = request.headers.get("content-type") ?? "";
  if (isEnveloped) {
    const length = sent.byteLength < 5 ? -1 : Buffer.from(sent.buffer, sent.byteOffset, 5).readUInt32BE(1);
    return length !== sent.byteLength - 5 || sent[0] !== 0
      ? "the body is not one uncompressed message of gRPC-Web"
      : unreadableBytes(desc, contentType.includes("+json") ? noBytes : sent.subarray(5));
  }
  if (request.method !== "GET") {
    return contentType.startsWith("application/proto") ? unreadableBytes(desc, sent) : undefined;
  }
  const query = new URLSearchParams(request.query);
  const text = query.get("message") ?? "";
  try {
    const bytes = query.get("base64") === "1" ? base64Decode(text) : Buffer.from(text);
    return query.get("encoding") === "proto" ? unreadableBytes(desc, bytes) : undefined;
  } catch {
    return `"message" in the query is not base64`;
  }
}

function unreadableBytes(desc: DescMessage, bytes: Uint8Array): string | undefined {
  try {
    fromBinary(desc, bytes);
    return undefined;
  } catch {
    return `the request is not a protobuf message ${desc.name}`;
  }
}

function inBody(error: ConnectError, { headers }: UnaryAnswer): UnaryAnswer {
  return { status: codeToHttpStatus(error.code), headers, body: errorToJsonBytes(error, undefined) };
}

function inTrailers(error: ConnectError, { status, headers }: UnaryAnswer): UnaryAnswer {
  const trailers = new Headers();
  setTrailerStatus(trailers, error);
  return { status, headers, body: encodeEnvelope(trailerFlag, trailerSerialize(trailers)) };
}
