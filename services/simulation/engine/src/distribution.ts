/**
 * Draws durations, in whole nanoseconds.
 *
 * Gamma is drawn by Marsaglia and Tsang's rejection method, lognormal as the exponential of a normal; both are given by
 * mean and coefficient of variation, which is what people can measure. A draw is rounded once, here, so that sums and
 * differences of times stay exact. Draws are cut off at 13 days: longer than any run, so no result can tell, and far
 * enough below 2^53 ns for the sums to be exact.
 */
import type { Distribution } from "./architecture.ts";
import type { RandomStream } from "./random.ts";

const nsPerMs = 1e6;
const longestNs = 2 ** 50;

const shapes = { constant: 0, exponential: 1, gamma: 2, lognormal: 3 } as const;

export class DurationSampler {
  readonly meanNs: number;
  readonly #stream: RandomStream;
  readonly #shape: number;
  /** gamma: its shape; lognormal: its sigma. */
  readonly #first: number;
  /** gamma: its scale in ns; lognormal: its mu of ns. */
  readonly #second: number;

  constructor(distribution: Distribution, stream: RandomStream) {
    const { kind, meanMs, cv } = distribution;
    this.meanNs = meanMs * nsPerMs;
    this.#stream = stream;
    const spread = kind === "constant" || (kind !== "exponential" && cv === 0) ? "constant" : kind;
    this.#shape = meanMs === 0 ? shapes.constant : shapes[spread];
    if (this.#shape === shapes.gamma) {
      this.#first = 1 / (cv * cv);
      this.#second = this.meanNs * cv * cv;
    } else {
      const variance = Math.log(1 + cv * cv);
      this.#first = Math.sqrt(variance);
      this.#second = Math.log(this.meanNs) - variance / 2;
    }
  }

  /** The next duration. Constants draw nothing from the stream. */
  sampleNs(): number {
    switch (this.#shape) {
      case shapes.constant:
        return Math.round(this.meanNs);
      case shapes.exponential:
        return rounded(this.meanNs * this.#stream.exponential());
      case shapes.gamma:
        return rounded(this.#second * standardGamma(this.#first, this.#stream));
      default:
        return rounded(Math.exp(this.#second + this.#first * this.#stream.normal()));
    }
  }
}

function rounded(durationNs: number): number {
  return durationNs < longestNs ? Math.round(durationNs) : longestNs;
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
