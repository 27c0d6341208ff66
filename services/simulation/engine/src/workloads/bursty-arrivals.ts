/**
 * Bursts: a Markov-modulated Poisson process of two phases (Heffes and Lucantoni 1986). Bursts and the quiet between them
 * last exponential times; in each phase arrivals are Poisson, at rates that give the workload's mean over all time.
 *
 * The phases are the world's and not the load's: they have a stream of their own, go on at load 0 and are the same at any
 * load. The run begins in the stationary state. The process wakes at the end of each phase and carries over what is left
 * of the exponential that the next arrival takes; a change of load draws that anew and leaves the phase alone.
 */
import type { RandomStream } from "../random.ts";
import { type ArrivalProcess, afterGap, nsPerMs, nsPerSecond } from "./arrival-process.ts";
import type { ResolvedWorkload } from "./resolve-workload.ts";

export class BurstyArrivals implements ArrivalProcess {
  isArrival = false;
  readonly #stream: RandomStream;
  readonly #phaseStream: RandomStream;
  readonly #burstRatePerNs: number;
  readonly #quietRatePerNs: number;
  readonly #burstNs: number;
  readonly #quietNs: number;
  #isBurst: boolean;
  #phaseEndNs: number;
  #load = 0;
  /** Of the integral of the rate, up to the next arrival, from the last wake-up on. */
  #left = 0;

  constructor(workload: ResolvedWorkload, stream: RandomStream, phaseStream: RandomStream) {
    const { ratePerSecond, burstFactor, burstShare, burstMs } = workload;
    this.#stream = stream;
    this.#phaseStream = phaseStream;
    const ratePerNs = ratePerSecond / nsPerSecond;
    this.#burstRatePerNs = ratePerNs * burstFactor;
    this.#quietRatePerNs = (ratePerNs * Math.max(0, 1 - burstFactor * burstShare)) / (1 - burstShare);
    this.#burstNs = burstMs * nsPerMs;
    this.#quietNs = (this.#burstNs * (1 - burstShare)) / burstShare;
    this.#isBurst = phaseStream.uniform() < burstShare;
    this.#phaseEndNs = this.#endOfPhase(0);
  }

  setLoad(load: number, nowNs: number): number {
    this.#load = load;
    this.#left = this.#stream.exponential();
    return this.#wakeAfter(nowNs);
  }

  next(nowNs: number): number {
    if (this.isArrival) {
      this.#left = this.#stream.exponential();
    } else {
      this.#isBurst = !this.#isBurst;
      this.#phaseEndNs = this.#endOfPhase(nowNs);
    }
    return this.#wakeAfter(nowNs);
  }

  #wakeAfter(nowNs: number): number {
    const ratePerNs = this.#load * (this.#isBurst ? this.#burstRatePerNs : this.#quietRatePerNs);
    this.isArrival = false;
    if (ratePerNs === 0) return this.#phaseEndNs;
    const arrivalNs = afterGap(nowNs, this.#left / ratePerNs);
    this.isArrival = arrivalNs <= this.#phaseEndNs;
    if (this.isArrival) return arrivalNs;
    this.#left = Math.max(0, this.#left - (this.#phaseEndNs - nowNs) * ratePerNs);
    return this.#phaseEndNs;
  }

  #endOfPhase(nowNs: number): number {
    return afterGap(nowNs, (this.#isBurst ? this.#burstNs : this.#quietNs) * this.#phaseStream.exponential());
  }
}
