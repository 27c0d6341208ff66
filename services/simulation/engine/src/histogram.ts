/**
 * Counts durations in buckets whose width grows with the value, so that a quantile is right to 0.4 % at any scale.
 *
 * Values are whole nanoseconds. Below 256 each has its bucket; above, every power of two is cut into 128 equal buckets,
 * and a value is reported as the middle of its bucket: off by half of 1/128 at most. The bucket is found with integer
 * arithmetic alone (no logarithm), so it is the same on every machine. Histograms with the same layout merge by
 * addition; the layout is fixed. Mean and maximum are kept exactly, beside the buckets.
 *
 * Buckets are allocated as far as the largest value seen, and the range in use is remembered: a histogram of one frame
 * is read and cleared 60 times a second.
 */
const bucketsPerOctave = 128;
const octaveShift = 7;
const linearLimit = 256;
/** Above this, values are scaled down before the 32-bit arithmetic. */
const wordLimit = 2 ** 31;
const wordScale = 2 ** 22;
const wordShift = 22;
const nsPerMs = 1e6;

/** A bucket that holds something; buckets touch. Those of two histograms with the same `upToMs` are the same bucket. */
export interface LatencyBin {
  readonly upToMs: number;
  readonly count: number;
}

export class Histogram {
  count = 0;
  /** Sum of all values, exact while below 2^53. */
  sumNs = 0;
  maxNs = 0;
  #counts = new Uint32Array(0);
  #lowest = Number.POSITIVE_INFINITY;
  #highest = -1;

  /** Counts one duration: a whole number of nanoseconds from 0 to 2^53. */
  record(valueNs: number): void {
    const bucket = bucketOf(valueNs);
    this.#reach(bucket, bucket);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.count++;
    this.sumNs += valueNs;
    if (valueNs > this.maxNs) this.maxNs = valueNs;
  }

  get meanNs(): number {
    return this.count === 0 ? 0 : this.sumNs / this.count;
  }

  /** The smallest value that at least this share of the values does not exceed; 0 when empty. */
  quantileNs(share: number): number {
    if (this.count === 0) return 0;
    let missing = Math.max(1, Math.ceil(share * this.count));
    for (let bucket = this.#lowest; bucket <= this.#highest; bucket++) {
      missing -= this.#counts[bucket] as number;
      if (missing <= 0) return Math.min(middleOf(bucket), this.maxNs);
    }
    return this.maxNs;
  }

  /** Adds everything the other histogram counted; the other is unchanged. */
  merge(other: Histogram): void {
    if (other.count === 0) return;
    this.#reach(other.#lowest, other.#highest);
    for (let bucket = other.#lowest; bucket <= other.#highest; bucket++) {
      this.#counts[bucket] = (this.#counts[bucket] as number) + (other.#counts[bucket] as number);
    }
    this.count += other.count;
    this.sumNs += other.sumNs;
    this.maxNs = Math.max(this.maxNs, other.maxNs);
  }

  /** What was counted, as plain data in ascending order; empty buckets are left out. */
  bins(): LatencyBin[] {
    const bins: LatencyBin[] = [];
    for (let bucket = this.#lowest; bucket <= this.#highest; bucket++) {
      const count = this.#counts[bucket] as number;
      if (count > 0) bins.push({ upToMs: upperEndOf(bucket) / nsPerMs, count });
    }
    return bins;
  }

  clear(): void {
    if (this.count === 0) return;
    this.#counts.fill(0, this.#lowest, this.#highest + 1);
    this.count = 0;
    this.sumNs = 0;
    this.maxNs = 0;
    this.#lowest = Number.POSITIVE_INFINITY;
    this.#highest = -1;
  }

  #reach(lowest: number, highest: number): void {
    if (lowest < this.#lowest) this.#lowest = lowest;
    if (highest <= this.#highest) return;
    this.#highest = highest;
    if (highest < this.#counts.length) return;
    const grown = new Uint32Array((Math.floor(highest / bucketsPerOctave) + 1) * bucketsPerOctave);
    grown.set(this.#counts);
    this.#counts = grown;
  }
}

function bucketOf(valueNs: number): number {
  if (valueNs < linearLimit) return valueNs;
  const isLarge = valueNs >= wordLimit;
  const word = isLarge ? Math.floor(valueNs / wordScale) : valueNs;
  const shift = 31 - Math.clz32(word) - octaveShift;
  const octave = isLarge ? shift + wordShift : shift;
  return octave * bucketsPerOctave + (word >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < linearLimit) return bucket;
  const octave = Math.floor(bucket / bucketsPerOctave) - 1;
  const width = 2 ** octave;
  return (bucket - octave * bucketsPerOctave) * width + (width - 1) / 2;
}

/** The largest value of the bucket. */
function upperEndOf(bucket: number): number {
  if (bucket < linearLimit) return bucket;
  const octave = Math.floor(bucket / bucketsPerOctave) - 1;
  return (bucket - octave * bucketsPerOctave + 1) * 2 ** octave - 1;
}
