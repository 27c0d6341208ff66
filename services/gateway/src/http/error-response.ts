import { Code, ConnectError } from "@connectrpc/connect";
import { bodyTooLargeError, errorWithHttpStatus, HeaderFields, toRestError } from "@weft/transcoding";
import { type HttpResponse, RequestBodyError } from "./http-server.ts";

/** Any error as an HTTP answer in the one error model. Never throws. */
export function errorResponse(error: unknown, correlationId: string): HttpResponse {
  const { status, headers, body } = toRestError(error, { correlationId });
  return { status, headers, body: Buffer.from(JSON.stringify(body)) };
}

/** An answer in JSON that no cache keeps. */
export function jsonResponse(status: number, value: unknown): HttpResponse {
  const headers = new HeaderFields([
    ["content-type", "application/json"],
    ["cache-control", "no-store"],
  ]);
  return { status, headers, body: Buffer.from(JSON.stringify(value)) };
}

/** The error that a failed reading of the body is answered with; other errors pass unchanged. */
export function bodyError(error: unknown, maxBytes: number): unknown {
  if (!(error instanceof RequestBodyError)) {
    return error;
  }
  switch (error.fault) {
    case "too_large":
      return bodyTooLargeError(maxBytes);
    case "timeout":
      return errorWithHttpStatus(408, Code.DeadlineExceeded, error.message);
    case "aborted":
      return new ConnectError(error.message, Code.Canceled);
  }
}
