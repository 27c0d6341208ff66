/**
 * Upper bounds of the histograms of call times: from 100 µs, below which a call between processes hardly goes, to 10 s, the
 * default deadline; steps of about 2.5, so that a quantile read from them is right within that factor.
 */
export const durationBucketsSeconds: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

const bounds = Float64Array.from(durationBucketsSeconds);

/**
 * For each number of leading zeros of a time in whole microseconds, the lowest bucket such a time can be in. Times with the
 * same number differ by a factor of two at most, and no two bounds are that close: one more comparison finds the bucket.
 */
const lowestBucket = Uint8Array.from({ length: 33 }, (_, leadingZeros) => {
  const leastSeconds = leadingZeros === 32 ? 0 : 2 ** (31 - leadingZeros) / 1e6;
  return durationBucketsSeconds.filter((bound) => bound < leastSeconds).length;
});

/** The index of the first bound that is not below the time; the number of bounds when all are. */
export function bucketOf(seconds: number): number {
  let bucket = lowestBucket[Math.clz32(seconds * 1e6)] as number;
  while (bucket < bounds.length && seconds > (bounds[bucket] as number)) {
    bucket += 1;
  }
  return bucket;
}
