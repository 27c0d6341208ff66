/**
 * A moving average of latency that jumps up at once and comes down slowly: a slow answer counts in full the moment it is
 * seen, and is forgotten over the decay time. Multiplied by the calls in flight it is the load that the balancer compares.
 */
export class PeakEwma {
  readonly #decayMs: number;
  #valueMs: number;
  #updatedAtMs: number;

  /** `initialMs` is believed until there are answers; low enough that a new instance is tried. */
  constructor(nowMs: number, initialMs = 1, decayMs = 10_000) {
    this.#decayMs = decayMs;
    this.#valueMs = initialMs;
    this.#updatedAtMs = nowMs;
  }

  observe(latencyMs: number, nowMs: number): void {
    const decayed = this.valueMs(nowMs);
    if (latencyMs >= decayed) {
      this.#valueMs = latencyMs;
    } else {
      const weight = Math.exp(-(nowMs - this.#updatedAtMs) / this.#decayMs);
      this.#valueMs = this.#valueMs * weight + latencyMs * (1 - weight);
    }
    this.#updatedAtMs = nowMs;
  }

  /** In milliseconds. Without answers it decays, so that an instance that was slow once is tried again. */
  valueMs(nowMs: number): number {
    return this.#valueMs * Math.exp(-Math.max(0, nowMs - this.#updatedAtMs) / this.#decayMs);
  }
}
