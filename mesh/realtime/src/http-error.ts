import type { ResponseLike } from "./platform.ts";

/** What an HTTP answer that is no success says: `code` as in the error frames of the protocol. */
export interface HttpError {
  readonly code: string;
  readonly message: string;
  readonly reason: string;
  /** As the header Retry-After says, which is in seconds. */
  readonly retryAfterMs: number | undefined;
}

interface ErrorBody {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly details?: readonly ({ readonly reason?: unknown } | null)[];
}

/** Reads an answer of the gateway, or of a proxy in front of it that knows nothing of its errors. Never throws. */
export async function httpErrorOf(response: ResponseLike): Promise<HttpError> {
  const { status, headers } = response;
  const body = ((await response.json().catch(() => undefined)) ?? {}) as ErrorBody;
  const details = Array.isArray(body.details) ? body.details : [];
  const reason = details.map((detail) => detail?.reason).find((each) => typeof each === "string");
  const retryAfterSeconds = Number(headers.get("retry-after") ?? "none");
  return {
    code: typeof body.code === "string" ? body.code : "unavailable",
    message: typeof body.message === "string" ? body.message : `the server answered with ${status}`,
    reason: reason ?? String(status),
    retryAfterMs: retryAfterSeconds > 0 ? Math.min(retryAfterSeconds, mostRetryAfterSeconds) * 1000 : undefined,
  };
}

/** Who is told to come back tomorrow asks again sooner than that. */
const mostRetryAfterSeconds = 300;
