/**
 * A Poisson process whose rate changes once, in a window of time: a ramp leads evenly from one rate to another, which then
 * stays; a spike multiplies the rate while it lasts. Times count from the start of the run.
 *
 * The rate is linear in each of three parts, so its integral is inverted exactly. A change of load draws the gap anew and
 * moves neither end of the window.
 */
import type { RandomStream } from "../random.ts";
import { type ArrivalProcess, afterGap, nsPerMs, nsPerSecond } from "./arrival-process.ts";
import type { ResolvedWorkload } from "./resolve-workload.ts";

/** Rates at load 1: before the window, at its two ends, with a line between them, and after it. */
export interface RateWindow {
  readonly beforePerSecond: number;
  readonly fromPerSecond: number;
  readonly toPerSecond: number;
  readonly afterPerSecond: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** The window of a ramp or a spike. */
export function rateWindow(workload: ResolvedWorkload): RateWindow {
  const { kind, ratePerSecond, toRatePerSecond, startMs, lengthMs, spikeFactor } = workload;
  const isRamp = kind === "ramp";
  return {
    beforePerSecond: ratePerSecond,
    fromPerSecond: isRamp ? ratePerSecond : ratePerSecond * spikeFactor,
    toPerSecond: isRamp ? toRatePerSecond : ratePerSecond * spikeFactor,
    afterPerSecond: isRamp ? toRatePerSecond : ratePerSecond,
    startMs,
    endMs: startMs + lengthMs,
  };
}

export class WindowArrivals implements ArrivalProcess {
  readonly isArrival = true;
  readonly #stream: RandomStream;
  readonly #startNs: number;
  readonly #endNs: number;
  readonly #beforePerNs: number;
  readonly #fromPerNs: number;
  readonly #toPerNs: number;
  readonly #afterPerNs: number;
  #load = 0;

  constructor(window: RateWindow, stream: RandomStream) {
    this.#stream = stream;
    this.#startNs = window.startMs * nsPerMs;
    this.#endNs = window.endMs * nsPerMs;
    this.#beforePerNs = window.beforePerSecond / nsPerSecond;
    this.#fromPerNs = window.fromPerSecond / nsPerSecond;
    this.#toPerNs = window.toPerSecond / nsPerSecond;
    this.#afterPerNs = window.afterPerSecond / nsPerSecond;
  }

  setLoad(load: number, nowNs: number): number {
    this.#load = load;
    return load === 0 ? Number.POSITIVE_INFINITY : this.next(nowNs);
  }

  next(nowNs: number): number {
    let left = this.#stream.exponential() / this.#load;
    let atNs = nowNs;
    if (atNs < this.#startNs) {
      const untilStart = (this.#startNs - atNs) * this.#beforePerNs;
      if (left < untilStart) return afterGap(nowNs, left / this.#beforePerNs);
      left -= untilStart;
      atNs = this.#startNs;
    }
    if (atNs < this.#endNs) {
      const slope = (this.#toPerNs - this.#fromPerNs) / (this.#endNs - this.#startNs);
      const rate = this.#fromPerNs + slope * (atNs - this.#startNs);
      const untilEnd = ((rate + this.#toPerNs) / 2) * (this.#endNs - atNs);
      if (left < untilEnd) {
        // The root of the quadratic in the form that loses no digits when the slope is slight.
        const insideNs = (2 * left) / (rate + Math.sqrt(Math.max(0, rate * rate + 2 * slope * left)));
        return afterGap(nowNs, atNs - nowNs + insideNs);
      }
      left -= untilEnd;
      atNs = this.#endNs;
    }
    return this.#afterPerNs === 0 ? Number.POSITIVE_INFINITY : afterGap(nowNs, atNs - nowNs + left / this.#afterPerNs);
  }
}
