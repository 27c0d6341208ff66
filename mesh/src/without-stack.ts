/**
 * Makes an error without a stack trace. Errors that calls end with come in thousands a second when something is wrong; a
 * trace of them shows the inside of the mesh, costs 8 µs each, and that is more than the calls themselves take: who fails
 * many calls would then have no time left to recover.
 */
export function withoutStack<T>(make: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
