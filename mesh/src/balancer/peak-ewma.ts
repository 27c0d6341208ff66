/**
 * A moving average of latency that jumps up at once and comes down slowly: a slow answer counts in full the moment it is
 * seen, and is forgotten over the decay time. Multiplied by the calls in flight it is the load that the balancer compares.
 *
 * Read and written per call, so the decay is computed when it is asked for, and without an exponential while little time
 * has passed: under load that is always.
 */
export class PeakEwma {
  /** False until there is an observation; the value is 0 until then. */
  known = false;
  readonly #decayMs: number;
  #valueMs = 0;
  #updatedAtMs = 0;

  /** 10 s when absent, as in Finagle and linkerd: long against a pause of the garbage collector, short against a deploy. */
  constructor(decayMs = 10_000) {
    this.#decayMs = decayMs;
  }

  /** An answer came after `latencyMs`. */
  observe(latencyMs: number, nowMs: number): void {
    const weight = this.#weight(nowMs);
    const decayed = this.#valueMs * weight;
    this.#valueMs = latencyMs >= decayed ? latencyMs : decayed + latencyMs * (1 - weight);
    this.#updatedAtMs = nowMs;
    this.known = true;
  }

  /** No answer came for `latencyMs`: it would have taken longer, so this can only raise the average. */
  observeAtLeast(latencyMs: number, nowMs: number): void {
    if (!this.known || latencyMs > this.valueMs(nowMs)) {
      this.observe(latencyMs, nowMs);
    }
  }

  /** Back to the beginning: what was observed says nothing any more. */
  forget(): void {
    this.known = false;
    this.#valueMs = 0;
  }

  /** In milliseconds. Without answers it decays, so that an instance that was slow once is tried again. */
  valueMs(nowMs: number): number {
    return this.#valueMs * this.#weight(nowMs);
  }

  #weight(nowMs: number): number {
    const elapsed = (nowMs - this.#updatedAtMs) / this.#decayMs;
    if (elapsed < 0.01) {
      // Off by less than 0.00005, which no comparison of latencies can feel.
      return elapsed <= 0 ? 1 : 1 - elapsed;
    }
    return Math.exp(-elapsed);
  }
}
