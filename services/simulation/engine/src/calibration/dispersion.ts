/**
 * The index of dispersion of counts, I(w): the variance of the number of arrivals in a window of length w over its mean (Cox
 * and Lewis 1966). It is 1 for Poisson arrivals at every w, less for regular ones, more for bursts. Keeping each trace with
 * probability p makes it 1 + p (I - 1), which is undone here.
 */
export interface Dispersion {
  readonly windowMs: number;
  readonly index: number;
  /** Standard error, if arrivals were Poisson. */
  readonly error: number;
}

const leastWindows = 50;

/** For windows of one arrival on average, doubled as long as there are fifty of them. Times ascend and are not all equal. */
export function dispersionCurve(sorted: Float64Array, samplingRatio: number): Dispersion[] {
  const spanMs = (sorted.at(-1) as number) - (sorted[0] as number);
  const curve: Dispersion[] = [];
  for (let windowMs = spanMs / (sorted.length - 1); spanMs / windowMs >= leastWindows; windowMs *= 2) {
    const { mean, second } = countMoments(countsIn(sorted, windowMs));
    const error = Math.sqrt(2 / (spanMs / windowMs - 1)) / samplingRatio;
    curve.push({ windowMs, index: 1 + (second / mean - 1) / samplingRatio, error });
  }
  return curve;
}

/** Arrivals in each whole window from the first arrival on; one window at least. */
export function countsIn(sorted: Float64Array, windowMs: number): Float64Array {
  const firstMs = sorted[0] as number;
  const counts = new Float64Array(Math.max(1, Math.floor(((sorted.at(-1) as number) - firstMs) / windowMs)));
  for (const startMs of sorted) {
    const window = Math.floor((startMs - firstMs) / windowMs);
    if (window < counts.length) counts[window] = (counts[window] as number) + 1;
  }
  return counts;
}

/** Mean, variance, and third central moment. */
export function countMoments(counts: Float64Array): { mean: number; second: number; third: number } {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  let [second, third] = [0, 0];
  for (const count of counts) {
    second += (count - mean) ** 2;
    third += (count - mean) ** 3;
  }
  return { mean, second: second / Math.max(1, counts.length - 1), third: third / counts.length };
}
