/**
 * Translates what `pg` and PostgreSQL report into the few errors that callers act on. Everything else (a broken
 * constraint other than unique, bad SQL, a statement that took too long) passes unchanged: it is a fault of the caller.
 */

/** Why a database could not serve: it was not reached, it ended the session, it is starting, or all connections are taken. */
export type UnavailableReason = "unreachable" | "terminated" | "starting" | "pool-exhausted";

/** The database cannot serve now; trying again later may help. */
export class DatabaseUnavailableError extends Error {
  override readonly name = "DatabaseUnavailableError";
  readonly reason: UnavailableReason;
  /** True when the session was lost after COMMIT was sent: the transaction may have been committed. */
  readonly outcomeUnknown: boolean;

  constructor(reason: UnavailableReason, cause: unknown, outcomeUnknown = false) {
    const detail = cause instanceof Error ? cause.message || cause.name : String(cause);
    super(`the database is unavailable (${reason}): ${detail}`, { cause });
    this.reason = reason;
    this.outcomeUnknown = outcomeUnknown;
  }
}

/** A unique constraint or index refused a row. */
export class UniqueViolationError extends Error {
  override readonly name = "UniqueViolationError";
  /** Name of the constraint or unique index. */
  readonly constraint: string;

  constructor(constraint: string, cause: unknown) {
    super(`a row violates the unique constraint "${constraint}"`, { cause });
    this.constraint = constraint;
  }
}

const NETWORK_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ENOENT",
]);

/** SQLSTATEs with which the server ends a session: shutdowns, crash of another backend, a dropped database. */
const TERMINATED_STATES = new Set(["57P01", "57P02", "57P04", "57P05", "08000", "08003", "08006"]);

/** What `pg` says when a socket ended. */
const TERMINATED_MESSAGES = [
  "Connection terminated",
  "Client has encountered a connection error",
  "Client was closed and is not queryable",
  "Cannot use a pool after calling end",
];

/** The caller's error for a failure of `pg`; errors of the caller's own function pass unchanged. */
export function databaseErrorFrom(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  if (code === "23505") return new UniqueViolationError(typeof constraint === "string" ? constraint : "", error);
  if (code === "57P03" || code === "08004") return new DatabaseUnavailableError("starting", error);
  if (code === "53300") return new DatabaseUnavailableError("pool-exhausted", error);
  if (error.message.startsWith("timeout exceeded when trying to connect")) {
    return new DatabaseUnavailableError("pool-exhausted", error);
  }
  if (typeof code === "string" && TERMINATED_STATES.has(code)) {
    return new DatabaseUnavailableError("terminated", error);
  }
  if (code === "ECONNRESET" || code === "EPIPE") return new DatabaseUnavailableError("terminated", error);
  if (typeof code === "string" && NETWORK_CODES.has(code)) return new DatabaseUnavailableError("unreachable", error);
  if (TERMINATED_MESSAGES.some((message) => error.message.startsWith(message))) {
    return new DatabaseUnavailableError("terminated", error);
  }
  return error;
}

/** Whether the transaction was undone only because of its neighbours, so that running it again may succeed. */
export function isSerializationFailure(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "40001" || code === "40P01";
}
