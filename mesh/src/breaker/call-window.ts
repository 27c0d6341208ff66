/**
 * Counts calls and failures over a sliding window, without allocating: a ring of ten buckets, and the sums beside it, so
 * that reading costs nothing.
 *
 *     now ─▼
 *   │ 7 │ 8 │ 9 │ 3 │ 4 │ 5 │ 6 │      bucket = floor(now ÷ bucket length) mod 10
 *          newest ─┘   └─ oldest: emptied, and taken out of the sums, when the time for it has come round
 *
 * Ten buckets: what is counted lies between nine tenths of the window and all of it.
 */
const bucketCount = 10;

export class CallWindow {
  /** Calls in the window as of the last `add` or `advance`. */
  calls = 0;
  /** Those of them that failed. */
  failures = 0;
  readonly #bucketMs: number;
  readonly #calls = new Uint32Array(bucketCount);
  readonly #failures = new Uint32Array(bucketCount);
  /** Number of the newest bucket since the clock's zero. */
  #newest = 0;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / bucketCount;
  }

  add(failed: boolean, nowMs: number): void {
    this.advance(nowMs);
    const bucket = this.#newest % bucketCount;
    this.#calls[bucket] = (this.#calls[bucket] as number) + 1;
    this.calls += 1;
    if (failed) {
      this.#failures[bucket] = (this.#failures[bucket] as number) + 1;
      this.failures += 1;
    }
  }

  /** Forgets what has left the window. */
  advance(nowMs: number): void {
    const current = Math.floor(nowMs / this.#bucketMs);
    if (current <= this.#newest) {
      return;
    }
    if (current - this.#newest >= bucketCount) {
      this.clear();
    }
    for (let passed = Math.max(this.#newest + 1, current - bucketCount + 1); passed <= current; passed += 1) {
      const bucket = passed % bucketCount;
      this.calls -= this.#calls[bucket] as number;
      this.failures -= this.#failures[bucket] as number;
      this.#calls[bucket] = 0;
      this.#failures[bucket] = 0;
    }
    this.#newest = current;
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failures.fill(0);
    this.calls = 0;
    this.failures = 0;
  }
}
