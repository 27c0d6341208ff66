/*
 * Time and chance, as this package needs them; both are options, so that a test can run a day in no time. One reading of
 * the clock, the wall clock's: in some browsers the monotonic one stands still while the computer sleeps, and noticing that
 * is what it is read for.
 */

export interface Timer {
  cancel(): void;
}

/** All durations and instants are milliseconds. */
export interface Clock {
  /** Since the Unix epoch. */
  now(): number;
  setTimer(fn: () => void, delayMs: number): Timer;
}

export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer: (fn, delayMs) => {
    const handle = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

export const systemRandom: Random = { next: () => Math.random() };

/** A name that nobody else has drawn: 104 random bits in base 36. For telling apart, not for secrets. */
export function randomName(random: Random): string {
  return Array.from({ length: 2 }, () => Math.floor(random.next() * 2 ** 52).toString(36)).join("");
}
