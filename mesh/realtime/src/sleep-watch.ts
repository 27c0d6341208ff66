import type { Clock, Timer } from "./clock.ts";

/*
 * Notices that this computer has slept: a timer that fires much later than it was to has not been run meanwhile. Pages are
 * told nothing when a lid is opened over a page that was seen all the time, and Node never is. Timers of hidden pages are
 * late as well; for them it costs one ping.
 */

/** How long a sleep may go unnoticed. */
const checkEveryMs = 5000;
/** Later than this is no busy moment. */
const lateMs = 5000;

export class SleepWatch {
  readonly #clock: Clock;
  readonly #woke: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, woke: () => void) {
    this.#clock = clock;
    this.#woke = woke;
  }

  /** Does nothing while it runs. */
  start(): void {
    if (this.#timer === undefined) {
      this.#plan();
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #plan(): void {
    const dueMs = this.#clock.now() + checkEveryMs;
    this.#timer = this.#clock.setTimer(() => {
      this.#plan();
      if (this.#clock.now() - dueMs >= lateMs) {
        this.#woke();
      }
    }, checkEveryMs);
  }
}
