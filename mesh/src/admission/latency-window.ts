import type { LatencyReading } from "./gradient-limit.ts";

/** Sums up the calls that end between two decisions about the limit; a call costs a few additions. */
export class LatencyWindow {
  #beganAtMs = 0;
  #calls = 0;
  #dropped = 0;
  #msSum = 0;
  #squareSum = 0;
  /** Whether a call found the limit reached. */
  limited = false;
  /** Whether a call was refused, for whatever reason. */
  refusing = false;

  start(nowMs: number): void {
    this.#beganAtMs = nowMs;
    this.#calls = 0;
    this.#dropped = 0;
    this.#msSum = 0;
    this.#squareSum = 0;
    this.limited = false;
    this.refusing = false;
  }

  add(latencyMs: number, dropped: boolean): void {
    this.#calls += 1;
    this.#msSum += latencyMs;
    this.#squareSum += latencyMs * latencyMs;
    if (dropped) {
      this.#dropped += 1;
    }
  }

  lengthMs(nowMs: number): number {
    return nowMs - this.#beganAtMs;
  }

  read(nowMs: number): LatencyReading {
    const calls = this.#calls;
    const meanMs = calls === 0 ? 0 : this.#msSum / calls;
    const variance = Math.max(0, this.#squareSum / Math.max(1, calls) - meanMs * meanMs);
    return {
      calls,
      meanMs,
      errorMs: calls < 2 ? 0 : Math.sqrt(variance / (calls - 1)),
      droppedShare: calls === 0 ? 0 : this.#dropped / calls,
      // Little's law: as many as would have been in flight all the time. A count of now would run ahead of the latency.
      inFlight: this.#msSum / Math.max(1, this.lengthMs(nowMs)),
      limited: this.limited,
      refusing: this.refusing,
    };
  }
}
