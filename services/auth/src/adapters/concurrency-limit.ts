import { AuthError } from "../domain/errors.ts";

/**
 * Lets at most `running` pieces of work run and `waiting` more wait their turn; one more than that is refused as "busy".
 * Password hashing takes a thread of libuv's small pool and 19 MiB for tens of milliseconds: without a limit, a burst of
 * logins would stop file and DNS work of the whole process, and a queue without end would answer nobody in time.
 */
export function createConcurrencyLimit(running: number, waiting: number): <T>(work: () => Promise<T>) => Promise<T> {
  let active = 0;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (active >= running) {
      if (queue.length >= waiting) {
        throw new AuthError("busy", "too many logins at the moment; try again");
      }
      // The one who finishes hands its place over, so the count stays and nobody can slip in between.
      await new Promise<void>((resolve) => queue.push(resolve));
    } else {
      active += 1;
    }
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) {
        active -= 1;
      } else {
        next();
      }
    }
  };
}
