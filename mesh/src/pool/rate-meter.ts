const slotMs = 100;
const slotCount = 10;

/** Counts events over the last second, in ten slots of 100 ms; no timer, no allocation; per event a comparison and a sum. */
export class RateMeter {
  /** Events of the slots before the current one. */
  readonly #slots = new Float64Array(slotCount);
  #slot = 0;
  /** When the current slot is over. */
  #endMs = slotMs;
  /** Events of the current slot. */
  #count = 0;

  mark(nowMs: number): void {
    if (nowMs >= this.#endMs) {
      this.#advance(nowMs);
    }
    this.#count += 1;
  }

  /** Events in the last second. */
  perSecond(nowMs: number): number {
    if (nowMs >= this.#endMs) {
      this.#advance(nowMs);
    }
    let sum = this.#count;
    for (let index = 0; index < slotCount; index += 1) {
      sum += this.#slots[index] ?? 0;
    }
    return sum;
  }

  #advance(nowMs: number): void {
    const slot = Math.floor(nowMs / slotMs);
    this.#slots[this.#slot % slotCount] = this.#count;
    // Slots in which nothing happened, and the place of the new one: what stood there is a second old.
    for (let next = Math.max(this.#slot + 1, slot - slotCount + 1); next <= slot; next += 1) {
      this.#slots[next % slotCount] = 0;
    }
    this.#slot = slot;
    this.#endMs = (slot + 1) * slotMs;
    this.#count = 0;
  }
}
