/*
 * When a refused caller should come back: as if all that was refused in the last second stood in line, the time that
 * serving the line takes at the present rate. The longer the overload lasts and the heavier it is, the later they come, and
 * jitter spreads them from half to one and a half times that.
 */

/** Both counts fade with this time constant, so that they are about the last second. */
const fadeMs = 1000;
/** Sooner than that a caller would find the same overload. */
const minHintMs = 50;
/** The default deadline of a call: whoever still wants the answer then asks anew. */
const maxHintMs = 10_000;

export class RetryHint {
  #ended = 0;
  #refused = 0;

  /** So many calls have ended in the last `elapsedMs`. */
  ended(calls: number, elapsedMs: number): void {
    const fade = Math.exp(-elapsedMs / fadeMs);
    this.#ended = this.#ended * fade + calls;
    this.#refused *= fade;
  }

  refused(): void {
    this.#refused += 1;
  }

  /** `fraction` is random, from 0 to 1. */
  afterMs(queued: number, fraction: number): number {
    const perMs = Math.max(1, this.#ended) / fadeMs;
    const hintMs = Math.min(maxHintMs, Math.max(minHintMs, (queued + this.#refused) / perMs));
    return Math.round(hintMs * (0.5 + fraction));
  }
}
