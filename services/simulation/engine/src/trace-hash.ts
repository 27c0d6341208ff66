/**
 * A fingerprint of a run: 64 bits over the time, kind and place of every event, in order.
 *
 * Two runs with the same fingerprint did the same things at the same times. It detects differences; it is no protection
 * against forgery. Obsolete events are left out, because they say how the engine keeps its queue and not what happened.
 */
export class TraceHash {
  #low = 0x2545f491;
  #high = 0x6a09e667;

  add(timeNs: number, kind: number, component: number): void {
    const epoch = Math.floor(timeNs / 0x100000000);
    let low = Math.imul(this.#low ^ (timeNs >>> 0), 0x9e3779b1);
    low ^= low >>> 15;
    this.#low = Math.imul(low ^ (component << 3) ^ kind, 0x85ebca6b);
    let high = Math.imul(this.#high ^ epoch ^ low, 0xc2b2ae35);
    high ^= high >>> 13;
    this.#high = Math.imul(high + this.#low, 0x27d4eb2f);
  }

  /** 16 hexadecimal digits. */
  hex(): string {
    return [this.#high, this.#low].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
