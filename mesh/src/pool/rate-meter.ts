/** Counts events over the last second, in ten slots of 100 ms; no timer, no allocation per event. */
export class RateMeter {
  readonly #slots = new Float64Array(10);
  #slot = 0;

  mark(nowMs: number): void {
    this.#advance(nowMs);
    const index = this.#slot % 10;
    this.#slots[index] = (this.#slots[index] ?? 0) + 1;
  }

  /** Events in the last second. */
  perSecond(nowMs: number): number {
    this.#advance(nowMs);
    return this.#slots.reduce((sum, count) => sum + count, 0);
  }

  #advance(nowMs: number): void {
    const slot = Math.floor(nowMs / 100);
    for (let next = Math.max(this.#slot + 1, slot - 9); next <= slot; next += 1) {
      this.#slots[next % 10] = 0;
    }
    this.#slot = Math.max(this.#slot, slot);
  }
}
