/** What an interval promises, held against samples whose truth is known: 4000 trials, so ±1.5 points are 4.4 standard errors. */
import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { meanInterval, pairedDifference, quantileInterval, wilsonInterval } from "./interval.ts";

const trials = 4000;

/** The share of the intervals that contain the truth. */
function coverage(truth: number, interval: () => { low: number; high: number }): number {
  let contained = 0;
  for (let trial = 0; trial < trials; trial++) {
    const { low, high } = interval();
    if (low <= truth && truth <= high) contained++;
  }
  return contained / trials;
}

function successesOf(count: number, probability: number, stream: RandomStream): number {
  let successes = 0;
  for (let trial = 0; trial < count; trial++) if (stream.chance(probability)) successes++;
  return successes;
}

const samplesOf = (count: number, draw: () => number) => Array.from({ length: count }, draw);

describe("coverage", () => {
  test.each([
    [2, 0.95],
    [5, 0.95],
    [20, 0.95],
    [10, 0.8],
    [10, 0.99],
  ])("of t intervals of %i normal values is %f", (count, confidence) => {
    const stream = new RandomStream(1, "coverage/mean");
    const covered = coverage(5, () =>
      meanInterval(
        samplesOf(count, () => 5 + 2 * stream.normal()),
        confidence,
      ),
    );
    expect(Math.abs(covered - confidence)).toBeLessThan(0.015);
  });

  test("of Wilson intervals is 0.95 on average over all probabilities", () => {
    const stream = new RandomStream(2, "coverage/shares");
    let contained = 0;
    for (let trial = 0; trial < trials; trial++) {
      const probability = stream.uniform();
      const { low, high } = wilsonInterval(successesOf(50, probability, stream), 50);
      if (low <= probability && probability <= high) contained++;
    }
    expect(Math.abs(contained / trials - 0.95)).toBeLessThan(0.015);
  });

  // A count has steps, so at one probability the coverage is not 0.95 but the binomial probability of the counts that the
  // score test accepts, |share - p| <= z * sqrt(p (1 - p) / n).
  test.each([
    [0.3, 100, 0.93719],
    [0.5, 40, 0.96152],
    [0.1, 200, 0.95612],
  ])("of Wilson intervals for a probability of %f in %i trials is %f", (probability, count, exact) => {
    const stream = new RandomStream(2, "coverage/share");
    const covered = coverage(probability, () => wilsonInterval(successesOf(count, probability, stream), count));
    expect(Math.abs(covered - exact)).toBeLessThan(0.015);
  });

  test.each([
    [0.5, 100],
    [0.9, 150],
    [0.95, 400],
  ])("of intervals of the %f quantile of %i exponential values is what they say", (share, count) => {
    const stream = new RandomStream(3, "coverage/quantile");
    const said = quantileInterval(
      samplesOf(count, () => 0),
      share,
    ).confidence;
    const covered = coverage(-Math.log(1 - share), () =>
      quantileInterval(
        samplesOf(count, () => stream.exponential()),
        share,
      ),
    );
    expect(said).toBeGreaterThanOrEqual(0.95);
    expect(Math.abs(covered - said)).toBeLessThan(0.015);
  });

  test("of paired differences is 0.95, and they find how much the shared luck is worth", () => {
    const stream = new RandomStream(4, "coverage/pairs");
    let reductions = 0;
    const covered = coverage(1, () => {
      const luck = samplesOf(20, () => 3 * stream.normal());
      const difference = pairedDifference(
        luck.map((value) => value + 1 + stream.normal()),
        luck.map((value) => value + stream.normal()),
      );
      reductions += difference.varianceReduction / trials;
      return difference;
    });
    expect(Math.abs(covered - 0.95)).toBeLessThan(0.015);
    // Variances 10 + 10 against 2; the ratio of estimates lies above by 19 / 17, the mean of the inverse of a variance.
    expect(Math.abs(reductions / ((10 * 19) / 17) - 1)).toBeLessThan(0.1);
  });

  test("independent samples show no reduction", () => {
    const stream = new RandomStream(5, "coverage/independent");
    const draw = () => samplesOf(2000, () => stream.normal());
    expect(Math.abs(pairedDifference(draw(), draw()).varianceReduction - 1)).toBeLessThan(0.1);
  });
});
