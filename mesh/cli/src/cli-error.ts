/**
 * A failure that is told to a person: what happened and why (`message`), and what to do next (`next`).
 * The command line prints both without a stack trace; `--debug` adds stack and cause.
 */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly next: string | undefined;

  constructor(message: string, options: { next?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.next = options.next;
  }
}

/** The readable part of anything that was thrown, with the messages of its causes. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map(describeError).join("; ");
  }
  if (!(error instanceof Error)) {
    return String(error);
  }
  return error.cause === undefined ? error.message : `${error.message}: ${describeError(error.cause)}`;
}
