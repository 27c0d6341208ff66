import type { JsonValue } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { encodeJson } from "./response-json.ts";
import { errorWithHttpStatus } from "./rest-error.ts";

/*
 * How the answers of a server stream are written down, and which form a client wants.
 *
 * NDJSON (application/x-ndjson): one JSON object a line, {"result": …} for a message and, last, {"error": …} where the
 * stream failed; it ends without one when all is well. The same envelope as grpc-gateway's, so its clients can read it.
 *
 * SSE (text/event-stream, WHATWG HTML "Server-sent events"): a message is an unnamed event; "failure" carries an error and
 * "end" says that there is no more. A browser's EventSource reconnects whenever a connection closes, so it must be told
 * that this was the end; and it reports its own troubles as "error", which ours must not be mistaken for.
 */

/** One way to write a stream. */
export type StreamFormat = {
  readonly contentType: string;
  message(json: JsonValue): Uint8Array;
  failure(body: JsonValue): Uint8Array;
  /** What follows the last message when all went well; undefined for nothing. */
  readonly end: Uint8Array | undefined;
};

export const ndjson: StreamFormat = {
  contentType: "application/x-ndjson",
  message: (json) => line({ result: json }),
  failure: (body) => line({ error: body }),
  end: undefined,
};

export const serverSentEvents: StreamFormat = {
  contentType: "text/event-stream",
  message: (json) => event(json),
  failure: (body) => event(body, "failure"),
  end: event({}, "end"),
};

const formats = [ndjson, serverSentEvents] as const;

/**
 * The form that an Accept header (null for none) prefers; NDJSON where it has no preference. Throws an error that is
 * answered with 406 where it takes neither.
 */
export function streamFormatFor(accept: string | null): StreamFormat {
  let best: StreamFormat | undefined;
  let bestQuality = 0;
  for (const format of formats) {
    const quality = accept === null || accept.trim() === "" ? 1 : qualityOf(accept, format.contentType);
    if (quality > bestQuality) {
      best = format;
      bestQuality = quality;
    }
  }
  if (best === undefined) {
    const offered = formats.map(({ contentType }) => contentType).join(" or ");
    throw errorWithHttpStatus(406, Code.InvalidArgument, `this stream is sent as ${offered}; Accept takes neither`);
  }
  return best;
}

/** RFC 9110, 12.5.1: the most specific range decides; 0 where none matches. */
function qualityOf(accept: string, contentType: string): number {
  const [type = ""] = contentType.split("/");
  const ranges = [contentType, `${type}/*`, "*/*"];
  let specificity = ranges.length;
  let quality = 0;
  for (const part of accept.toLowerCase().split(",")) {
    const [range = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const rank = ranges.indexOf(range);
    if (rank < 0 || rank >= specificity) {
      continue;
    }
    const given = parameters.find((parameter) => parameter.startsWith("q="));
    const value = given === undefined ? 1 : Number(given.slice(2));
    specificity = rank;
    quality = value >= 0 && value <= 1 ? value : 0;
  }
  return quality;
}

function line(json: JsonValue): Uint8Array {
  return encodeJson(json, "", "\n");
}

function event(json: JsonValue, name?: string): Uint8Array {
  return encodeJson(json, name === undefined ? "data: " : `event: ${name}\ndata: `, "\n\n");
}
