/**
 * Redis cannot be reached, or did not answer in time. A command that was under way may or may not have been carried
 * out, so only what is safe to do twice may be repeated.
 */
export class RedisAwayError extends Error {
  override readonly name = "RedisAwayError";
  readonly code = "REDIS_AWAY";

  constructor(cause: unknown) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    super(`Redis is away: ${detail}`, { cause });
  }
}

const AWAY_CODES = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EHOSTUNREACH"]);

/** What ioredis says when it never sent the command, lost the reply, or gave up waiting for it. */
const AWAY_MESSAGES = [
  "Stream isn't writeable",
  "Connection is closed",
  "Connection is in closing state",
  "Reached the max retries per request limit",
  "Command aborted due to connection close",
  "Command timed out",
];

/** Replies with which a server that is starting or changing roles refuses commands for a while. */
const AWAY_REPLIES = /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|BUSY) /;

/** Gives `RedisAwayError` for the failures of a connection, and every other error unchanged. */
export function redisErrorFrom(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof RedisAwayError) return error;
  const code = "code" in error ? String(error.code) : "";
  const away =
    AWAY_CODES.has(code) ||
    AWAY_MESSAGES.some((message) => error.message.startsWith(message)) ||
    AWAY_REPLIES.test(error.message);
  return away ? new RedisAwayError(error) : error;
}
