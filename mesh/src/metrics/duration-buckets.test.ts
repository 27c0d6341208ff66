import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketOf, durationBucketsSeconds } from "./duration-buckets.ts";

const bySearch = (seconds: number): number => {
  const found = durationBucketsSeconds.findIndex((bound) => seconds <= bound);
  return found === -1 ? durationBucketsSeconds.length : found;
};

test("a time is in the first bucket whose bound it does not exceed", () => {
  const times = fc.oneof(
    fc.double({ min: 0, max: 20, noNaN: true }),
    fc.double({ min: 0, max: 0.001, noNaN: true }),
    fc.double({ min: 0, noNaN: true }),
  );
  fc.assert(
    fc.property(times, (seconds) => bucketOf(seconds) === bySearch(seconds)),
    { numRuns: 2000 },
  );
});

test("the edges of the buckets and of the powers of two that lead to them are exact", () => {
  const powers = Array.from({ length: 45 }, (_, exponent) => 2 ** exponent / 1e6);
  for (const edge of [0, ...durationBucketsSeconds, ...powers, Infinity]) {
    for (const seconds of [edge, edge * (1 - Number.EPSILON), edge * (1 + Number.EPSILON)]) {
      expect([seconds, bucketOf(seconds)]).toEqual([seconds, bySearch(seconds)]);
    }
  }
});
