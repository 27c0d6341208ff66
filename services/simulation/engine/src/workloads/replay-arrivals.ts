/**
 * Arrivals as they were recorded. The load is the speed: at 2 the record plays twice as fast, at 0 it pauses, and a change
 * goes on from where it is. A record that is over sends nothing more.
 *
 * Times are counted from the last change of speed and not from arrival to arrival, so rounding does not add up.
 */
import { type ArrivalProcess, afterGap, nsPerMs } from "./arrival-process.ts";

export class ReplayArrivals implements ArrivalProcess {
  readonly isArrival = true;
  readonly #arrivalsMs: readonly number[];
  /** The arrival that is due. */
  #index = 0;
  #speed = 0;
  #changedNs = 0;
  /** How much of the record had been played at the last change of speed. */
  #playedNs = 0;

  constructor(arrivalsMs: readonly number[]) {
    this.#arrivalsMs = arrivalsMs;
  }

  setLoad(load: number, nowNs: number): number {
    this.#playedNs += (nowNs - this.#changedNs) * this.#speed;
    this.#changedNs = nowNs;
    this.#speed = load;
    return this.#due(nowNs);
  }

  next(nowNs: number): number {
    this.#index++;
    return this.#due(nowNs);
  }

  #due(nowNs: number): number {
    if (this.#speed === 0 || this.#index === this.#arrivalsMs.length) return Number.POSITIVE_INFINITY;
    const recordedNs = (this.#arrivalsMs[this.#index] as number) * nsPerMs;
    // An arrival of the very time of a change may, by rounding, seem to have been before it.
    return Math.max(nowNs, afterGap(this.#changedNs, (recordedNs - this.#playedNs) / this.#speed));
  }
}
