/**
 * Lets one event of a kind through in a while and counts the rest, for logs of what others cause: a peer that fails ten
 * thousand handshakes a second must not write ten thousand lines. Pure: time is passed in.
 */
export class LogLimit {
  readonly #intervalMs: number;
  #nextMs = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** How many were kept back since the last one that was let through; undefined when this one is to be kept back. */
  take(nowMs: number): number | undefined {
    if (nowMs < this.#nextMs) {
      this.#suppressed += 1;
      return undefined;
    }
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    this.#nextMs = nowMs + this.#intervalMs;
    return suppressed;
  }
}
