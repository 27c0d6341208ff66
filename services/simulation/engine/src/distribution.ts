/**
 * Draws durations, in whole nanoseconds.
 *
 * Exponential, hyperexponential, Pareto and empirical draws are made from exactly one uniform each, so that two designs
 * under one seed stay in step whatever is changed in them; the hyperexponential uses the rest of the uniform that chose
 * the phase. A lognormal takes two, the exponential of a normal. An Erlang of few stages takes one for each stage; of
 * many it is a gamma, and gammas are drawn by Marsaglia and Tsang's rejection method (2000), because inverting their
 * distribution takes an iteration for each draw: they stay in step as long as the cv is the same.
 *
 * A draw is rounded once, here, so that sums and differences of times stay exact. Draws are cut off at 13 days: longer
 * than any run, so no result can tell, and far enough below 2^53 ns for the sums to be exact.
 */
import type { Distribution, DistributionPoint } from "./architecture.ts";
import { momentsOf } from "./distribution-moments.ts";
import { boundedPareto, erlangStages, hyperexponentialPhases, smallestCv } from "./distribution-shapes.ts";
import type { RandomStream } from "./random.ts";

const nsPerMs = 1e6;
const longestNs = 2 ** 50;

/** Up to here the product of the uniforms, each at least 2^-53, cannot become smaller than a number can be. */
const mostStages = 16;

const shapes = {
  constant: 0,
  exponential: 1,
  gamma: 2,
  lognormal: 3,
  erlang: 4,
  hyperexponential: 5,
  pareto: 6,
  empirical: 7,
} as const;

const noBins = new Float64Array(0);

export class DurationSampler {
  readonly meanNs: number;
  readonly #stream: RandomStream;
  readonly #shape: number;
  /** gamma: its shape; lognormal: its sigma; erlang: its stages; hyperexponential: share of short draws; pareto: -1 ÷ its exponent. */
  readonly #first: number;
  /** gamma: its scale in ns; lognormal: its mu of ns; erlang: mean of a stage; hyperexponential: of short draws; pareto: lower end; all in ns. */
  readonly #second: number;
  /** hyperexponential: mean of long draws in ns; pareto: share of the unbounded distribution that is within the bound. */
  readonly #third: number;
  /** pareto: its upper end in ns. */
  readonly #maximumNs: number;
  /** empirical: where each bin ends, in ns, and the share of draws up to there. */
  readonly #binEndsNs: Float64Array;
  readonly #binShares: Float64Array;

  constructor(distribution: Distribution, stream: RandomStream) {
    const { cv } = distribution;
    this.meanNs = momentsOf(distribution).meanMs * nsPerMs;
    this.#stream = stream;
    this.#shape = this.meanNs === 0 ? shapes.constant : shapes[drawnKind(distribution)];
    let [first, second, third, maximumNs] = [0, 0, 0, longestNs];
    switch (this.#shape) {
      case shapes.gamma:
        first = distribution.kind === "erlang" ? erlangStages(cv) : 1 / (cv * cv);
        second = this.meanNs / first;
        break;
      case shapes.lognormal: {
        const variance = Math.log1p(cv * cv);
        first = Math.sqrt(variance);
        second = Math.log(this.meanNs) - variance / 2;
        break;
      }
      case shapes.erlang:
        first = erlangStages(cv);
        second = this.meanNs / first;
        break;
      case shapes.hyperexponential: {
        const phases = hyperexponentialPhases(cv);
        first = phases.shortShare;
        second = phases.shortMean * this.meanNs;
        third = phases.longMean * this.meanNs;
        break;
      }
      case shapes.pareto: {
        const { tailIndex, maxMs, logRange } = boundedPareto(distribution);
        first = -1 / tailIndex;
        second = maxMs * nsPerMs * Math.exp(logRange);
        third = -Math.expm1(tailIndex * logRange);
        maximumNs = maxMs * nsPerMs;
        break;
      }
    }
    this.#first = first;
    this.#second = second;
    this.#third = third;
    this.#maximumNs = maximumNs;
    const points = this.#shape === shapes.empirical ? (distribution.points ?? []) : [];
    this.#binEndsNs = points.length === 0 ? noBins : Float64Array.from(points, ({ upToMs }) => upToMs * nsPerMs);
    this.#binShares = points.length === 0 ? noBins : sharesUpTo(points);
  }

  /** The next duration. Constants draw nothing from the stream. */
  sampleNs(): number {
    const stream = this.#stream;
    switch (this.#shape) {
      case shapes.constant:
        return rounded(this.meanNs);
      case shapes.exponential:
        return rounded(this.meanNs * stream.exponential());
      case shapes.gamma:
        return rounded(this.#second * standardGamma(this.#first, stream));
      case shapes.erlang:
        return rounded(this.#second * standardErlang(this.#first, stream));
      case shapes.hyperexponential: {
        const uniform = stream.uniform();
        const shortShare = this.#first;
        return uniform < shortShare
          ? rounded(-this.#second * Math.log(1 - uniform / shortShare))
          : rounded(-this.#third * Math.log(1 - (uniform - shortShare) / (1 - shortShare)));
      }
      case shapes.pareto: {
        const drawnNs = this.#second * (1 - this.#third * stream.uniform()) ** this.#first;
        return rounded(drawnNs < this.#maximumNs ? drawnNs : this.#maximumNs);
      }
      case shapes.empirical:
        return rounded(this.#empirical(stream.uniform()));
      default:
        return rounded(Math.exp(this.#second + this.#first * stream.normal()));
    }
  }

  /** The first bin whose share is above the uniform, and as far into it as the uniform is; bins without weight are never it. */
  #empirical(uniform: number): number {
    const shares = this.#binShares;
    let low = 0;
    let high = shares.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((shares[middle] as number) > uniform) high = middle;
      else low = middle + 1;
    }
    const fromShare = low === 0 ? 0 : (shares[low - 1] as number);
    const fromNs = low === 0 ? 0 : (this.#binEndsNs[low - 1] as number);
    const part = (uniform - fromShare) / ((shares[low] as number) - fromShare);
    return fromNs + part * ((this.#binEndsNs[low] as number) - fromNs);
  }
}

/** What is drawn may be simpler than what was asked for: without a spread it is a constant. */
function drawnKind({ kind, cv }: Distribution): keyof typeof shapes {
  if (kind === "gamma" || kind === "lognormal") return cv < smallestCv ? "constant" : kind;
  if (kind !== "erlang" || erlangStages(cv) <= mostStages) return kind;
  return cv < smallestCv ? "constant" : "gamma";
}

/** The last one is exactly 1, above every uniform, because a sum is divided by itself. */
function sharesUpTo(points: readonly DistributionPoint[]): Float64Array {
  const shares = new Float64Array(points.length);
  let sum = 0;
  for (const [index, { weight }] of points.entries()) {
    sum += weight;
    shares[index] = sum;
  }
  for (let index = 0; index < shares.length; index++) shares[index] = (shares[index] as number) / sum;
  return shares;
}

function rounded(durationNs: number): number {
  return durationNs < longestNs ? Math.round(durationNs) : longestNs;
}

/** The sum of this many exponentials of mean 1. */
function standardErlang(stages: number, stream: RandomStream): number {
  let product = 1;
  for (let stage = 0; stage < stages; stage++) product *= 1 - stream.uniform();
  return -Math.log(product);
}

/** Scale 1. Below shape 1 the method does not work: a draw of shape + 1 is scaled down by a power of a uniform. */
function standardGamma(shape: number, stream: RandomStream): number {
  if (shape < 1) return standardGamma(shape + 1, stream) * (1 - stream.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = stream.normal();
    const root = 1 + c * normal;
    if (root <= 0) continue;
    const cube = root * root * root;
    const log = Math.log(1 - stream.uniform());
    if (log < 0.5 * normal * normal + d - d * cube + d * Math.log(cube)) return d * cube;
  }
}
