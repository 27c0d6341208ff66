/**
 * How many frames a client may send: `framesPerSecond` in the long run, and as many at once. A bucket that fills with
 * time; instants are milliseconds of any clock that does not go back.
 */
export class FrameBudget {
  readonly #framesPerSecond: number;
  #available: number;
  #countedAtMs: number;

  constructor(framesPerSecond: number, nowMs: number) {
    this.#framesPerSecond = framesPerSecond;
    this.#available = framesPerSecond;
    this.#countedAtMs = nowMs;
  }

  /** Takes one frame off the budget; false when there is none left. */
  tryTake(nowMs: number): boolean {
    const earned = ((nowMs - this.#countedAtMs) / 1000) * this.#framesPerSecond;
    this.#available = Math.min(this.#framesPerSecond, this.#available + earned);
    this.#countedAtMs = nowMs;
    if (this.#available < 1) {
      return false;
    }
    this.#available -= 1;
    return true;
  }
}
