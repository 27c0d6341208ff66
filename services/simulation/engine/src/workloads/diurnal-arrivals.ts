/**
 * Day and night: a Poisson process whose rate is mean × (1 + amplitude × sin(2πt ÷ period)), from the start of the run.
 *
 * The integral has no inverse in closed form. It is solved in the angle δ from now to the arrival, where it reads
 * δ + 2a sin(θ + δ/2) sin(δ/2): Newton's steps, held between bounds that the amplitude gives, because at amplitude 1 the
 * slope is 0 once in a period. A change of load draws the gap anew and leaves the time of day alone.
 */
import type { RandomStream } from "../random.ts";
import { type ArrivalProcess, afterGap, nsPerMs, nsPerSecond } from "./arrival-process.ts";
import type { ResolvedWorkload } from "./resolve-workload.ts";

const mostSteps = 100;
const tolerance = 1e-14;

export class DiurnalArrivals implements ArrivalProcess {
  readonly isArrival = true;
  readonly #stream: RandomStream;
  readonly #amplitude: number;
  readonly #periodNs: number;
  readonly #nsPerRadian: number;
  readonly #ratePerRadian: number;
  #load = 0;

  constructor({ ratePerSecond, amplitude, periodMs }: ResolvedWorkload, stream: RandomStream) {
    this.#stream = stream;
    this.#amplitude = amplitude;
    this.#periodNs = periodMs * nsPerMs;
    this.#nsPerRadian = this.#periodNs / (2 * Math.PI);
    this.#ratePerRadian = (ratePerSecond / nsPerSecond) * this.#nsPerRadian;
  }

  setLoad(load: number, nowNs: number): number {
    this.#load = load;
    return load * this.#ratePerRadian === 0 ? Number.POSITIVE_INFINITY : this.next(nowNs);
  }

  next(nowNs: number): number {
    const integral = this.#stream.exponential() / (this.#ratePerRadian * this.#load);
    const angle = (nowNs % this.#periodNs) / this.#nsPerRadian;
    return afterGap(nowNs, angleUntil(integral, angle, this.#amplitude) * this.#nsPerRadian);
  }
}

/** The δ at which the integral of 1 + amplitude × sin, from `angle` on, reaches `integral`. */
function angleUntil(integral: number, angle: number, amplitude: number): number {
  let low = Math.max(0, integral - 2 * amplitude);
  let high = integral + 2 * amplitude;
  let delta = Math.min(high, integral / (1 + amplitude * Math.sin(angle)));
  for (let step = 0; step < mostSteps; step++) {
    const missed = delta - integral + 2 * amplitude * Math.sin(angle + delta / 2) * Math.sin(delta / 2);
    if (missed > 0) high = delta;
    else low = delta;
    const newton = delta - missed / (1 + amplitude * Math.sin(angle + delta));
    const better = newton >= low && newton <= high ? newton : (low + high) / 2;
    if (Math.abs(better - delta) <= tolerance * better) return better;
    delta = better;
  }
  return delta;
}
