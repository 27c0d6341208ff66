import { Code } from "@connectrpc/connect";
import { errorWithHttpStatus } from "./rest-error.ts";

/** Throws what is answered with 415 for a body that says it is not JSON in UTF-8, or is compressed. */
export function assertJsonBody(headers: Headers): void {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw errorWithHttpStatus(415, Code.InvalidArgument, "the request body must not be compressed");
  }
  const contentType = headers.get("content-type");
  if (contentType !== null && contentType !== "" && !isJson(contentType)) {
    throw errorWithHttpStatus(415, Code.InvalidArgument, "the request body must be application/json in UTF-8");
  }
}

function isJson(contentType: string): boolean {
  const [mediaType = "", ...parameters] = contentType.toLowerCase().split(";");
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith("charset="));
  return (
    /^application\/(?:[a-z0-9!#$&^_.-]+\+)?json$/.test(mediaType.trim()) &&
    (charset === undefined || /^charset="?utf-?8"?$/.test(charset))
  );
}
