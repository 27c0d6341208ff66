/**
 * A study that cannot be made, or could not be finished: what happened and why (`message`), and what may help (`next`).
 * Whoever asked translates it: the command line for a person, the service into its one model of errors.
 */
export class StudyError extends Error {
  override readonly name: string = "StudyError";
  readonly next: string | undefined;

  constructor(message: string, options: { next?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.next = options.next;
  }
}

/** More and more requests were in the system, until there was no room for them. */
export class OverflowError extends StudyError {
  override readonly name = "OverflowError";

  constructor(message: string) {
    super(message, {
      next: "the system takes in more than it can do: lower the load, shorten the duration, or bound the queues",
    });
  }
}
