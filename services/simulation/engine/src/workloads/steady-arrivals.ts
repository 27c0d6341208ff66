/**
 * Arrivals at a rate that only the load changes. A Poisson process has no memory, so a change of load draws its gap anew;
 * an even one keeps the share of its gap that has passed. Batches come at Poisson times; a load changes how often they
 * come, not how large they are.
 */
import type { RandomStream } from "../random.ts";
import { type ArrivalProcess, afterGap, longestGapNs, nsPerSecond } from "./arrival-process.ts";

export class PoissonArrivals implements ArrivalProcess {
  readonly isArrival = true;
  readonly #ratePerSecond: number;
  readonly #stream: RandomStream;
  #meanGapNs = Number.POSITIVE_INFINITY;

  constructor(ratePerSecond: number, stream: RandomStream) {
    this.#ratePerSecond = ratePerSecond;
    this.#stream = stream;
  }

  setLoad(load: number, nowNs: number): number {
    this.#meanGapNs = nsPerSecond / (this.#ratePerSecond * load);
    return this.#meanGapNs === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : this.next(nowNs);
  }

  next(nowNs: number): number {
    return afterGap(nowNs, this.#meanGapNs * this.#stream.exponential());
  }
}

export class ConstantArrivals implements ArrivalProcess {
  readonly isArrival = true;
  readonly #ratePerSecond: number;
  #arrivalNs = 0;
  /** Of the gap that `#arrivalNs` ends; 0 when none is due. */
  #gapNs = 0;

  constructor(ratePerSecond: number) {
    this.#ratePerSecond = ratePerSecond;
  }

  setLoad(load: number, nowNs: number): number {
    const leftShare = this.#gapNs === 0 ? 1 : (this.#arrivalNs - nowNs) / this.#gapNs;
    const rate = this.#ratePerSecond * load;
    this.#gapNs = rate === 0 ? 0 : Math.min(nsPerSecond / rate, longestGapNs);
    if (rate === 0) return Number.POSITIVE_INFINITY;
    this.#arrivalNs = afterGap(nowNs, this.#gapNs * leftShare);
    return this.#arrivalNs;
  }

  next(nowNs: number): number {
    this.#arrivalNs = afterGap(nowNs, this.#gapNs);
    return this.#arrivalNs;
  }
}

export class BatchArrivals implements ArrivalProcess {
  readonly isArrival = true;
  readonly #batches: PoissonArrivals;
  readonly #size: number;
  /** Of the batch that is due or arriving. */
  #left: number;

  /** The rate is that of requests. */
  constructor(ratePerSecond: number, size: number, stream: RandomStream) {
    this.#batches = new PoissonArrivals(ratePerSecond / size, stream);
    this.#size = size;
    this.#left = size;
  }

  setLoad(load: number, nowNs: number): number {
    this.#left = this.#size;
    return this.#batches.setLoad(load, nowNs);
  }

  next(nowNs: number): number {
    this.#left--;
    if (this.#left > 0) return nowNs;
    this.#left = this.#size;
    return this.#batches.next(nowNs);
  }
}
