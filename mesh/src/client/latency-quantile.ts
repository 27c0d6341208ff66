/**
 * An estimate of one quantile of the latency of a method, over its recent calls and without allocating: a histogram whose
 * buckets grow by an eighth of a doubling (9 %), from 1/16 ms to 65 s.
 *
 *   │1/16 ms│ 8 buckets │1/8 ms│ 8 buckets │1/4 ms│ … │32 s│ 8 buckets │65 s
 *
 * When it has seen its fill of calls all counts are halved, so that the last few thousand count most. The quantile is
 * looked up anew after every 32 calls, because it is asked for with each call and moves slowly. It is off by half a bucket
 * at most, 4.5 %.
 */
const bucketsPerDoubling = 8;
const doublings = 20;
const bucketCount = bucketsPerDoubling * doublings;
const smallestMs = 1 / 16;
const halveAt = 4096;
const lookUpEvery = 32;

export class LatencyQuantile {
  /** In milliseconds; undefined until there were enough calls to tell. */
  valueMs: number | undefined = undefined;
  readonly #quantile: number;
  readonly #counts = new Uint32Array(bucketCount);
  #total = 0;
  #untilLookUp = lookUpEvery;

  /** `quantile` is between 0 and 1. */
  constructor(quantile: number) {
    this.#quantile = quantile;
  }

  observe(latencyMs: number): void {
    const position = Math.floor(Math.log2(latencyMs / smallestMs) * bucketsPerDoubling);
    const bucket = position > 0 ? Math.min(position, bucketCount - 1) : 0;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#total += 1;
    this.#untilLookUp -= 1;
    if (this.#untilLookUp === 0) {
      this.#untilLookUp = lookUpEvery;
      if (this.#total >= halveAt) {
        this.#halve();
      }
      this.valueMs = this.#lookUp();
    }
  }

  #lookUp(): number {
    const rank = this.#total * this.#quantile;
    let seen = 0;
    let bucket = 0;
    for (; bucket < bucketCount - 1; bucket += 1) {
      seen += this.#counts[bucket] as number;
      if (seen >= rank) {
        break;
      }
    }
    return smallestMs * 2 ** ((bucket + 0.5) / bucketsPerDoubling);
  }

  #halve(): void {
    this.#total = 0;
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      const half = (this.#counts[bucket] as number) >>> 1;
      this.#counts[bucket] = half;
      this.#total += half;
    }
  }
}
