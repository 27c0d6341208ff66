import { processorMs } from "./measuring.ts";

/*
 * The least that a simulator can do per event, as a measure of the engine: the HOLD model (Vaucher and Duval 1975). The
 * earliest event is taken from a typed binary heap that orders by time and sequence, a nanosecond count is drawn from an
 * exponential, and the event goes back in. Nothing is modelled, counted or kept.
 */

const meanNs = 1e6;

/** Events per second with so many pending, over about this long of processor time. */
export function measureHold(pending: number, measureMs: number, seed: number): number {
  const kernel = new HoldKernel(pending, seed);
  kernel.run(200_000);
  const startedMs = processorMs();
  let events = 0;
  while (processorMs() - startedMs < measureMs) events += kernel.run(50_000);
  return (events * 1000) / (processorMs() - startedMs);
}

class HoldKernel {
  nowNs = 0;
  readonly #times: Float64Array;
  readonly #sequences: Float64Array;
  readonly #codes: Int32Array;
  #sequence = 0;
  #a: number;
  #b = 0x9e3779b9 | 0;
  #c = 0x243f6a88;
  #counter = 1;

  constructor(pending: number, seed: number) {
    this.#a = seed | 0;
    this.#times = Float64Array.from({ length: pending }, () => this.#gapNs()).sort();
    this.#sequences = Float64Array.from({ length: pending }, () => ++this.#sequence);
    this.#codes = Int32Array.from({ length: pending }, (_, index) => index);
  }

  /** Replaces the earliest event so often; gives that number back. */
  run(events: number): number {
    for (let event = 0; event < events; event++) {
      this.nowNs = this.#times[0] as number;
      this.#sink(this.nowNs + this.#gapNs(), ++this.#sequence, this.#codes[0] as number);
    }
    return events;
  }

  #sink(timeNs: number, sequence: number, code: number): void {
    const times = this.#times;
    const sequences = this.#sequences;
    const codes = this.#codes;
    const size = times.length;
    let hole = 0;
    for (let child = 1; child < size; child = 2 * hole + 1) {
      const right = child + 1;
      if (right < size && this.#isBefore(right, times[child] as number, sequences[child] as number)) child = right;
      if (!this.#isBefore(child, timeNs, sequence)) break;
      times[hole] = times[child] as number;
      sequences[hole] = sequences[child] as number;
      codes[hole] = codes[child] as number;
      hole = child;
    }
    times[hole] = timeNs;
    sequences[hole] = sequence;
    codes[hole] = code;
  }

  #isBefore(index: number, timeNs: number, sequence: number): boolean {
    const other = this.#times[index] as number;
    return other < timeNs || (other === timeNs && (this.#sequences[index] as number) < sequence);
  }

  #gapNs(): number {
    const high = this.#nextUint32() >>> 5;
    const low = this.#nextUint32() >>> 6;
    return Math.round(-meanNs * Math.log(1 - (high * 0x4000000 + low) / 0x20000000000000));
  }

  /** sfc32, which the engine draws from as well. */
  #nextUint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}
