import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { assessGrowth, type Growth } from "./growth.ts";

/** Lengths of an M/M/1 queue with services of mean 1, every `everyServices` from `warmupServices` on. */
function queueLengths(
  load: number,
  stream: RandomStream,
  { from = 0, warmupServices = 0, everyServices = 2, samples = 500 },
) {
  const lengths: number[] = [];
  let length = from;
  let at = 0;
  while (lengths.length < samples) {
    const rate = length > 0 ? load + 1 : load;
    at += stream.exponential() / rate;
    while (lengths.length < samples && warmupServices + lengths.length * everyServices <= at) lengths.push(length);
    length += length === 0 || stream.uniform() < load / rate ? 1 : -1;
  }
  return lengths;
}

const trials = 200;

function verdicts(load: number, options: Parameters<typeof queueLengths>[2]): Record<Growth["verdict"], number> {
  const stream = new RandomStream(11, `queue/${load}`);
  const shares = { steady: 0, growing: 0, unclear: 0 };
  for (let trial = 0; trial < trials; trial++) {
    shares[assessGrowth(queueLengths(load, stream, options)).verdict] += 1 / trials;
  }
  return shares;
}

describe("assessGrowth", () => {
  test("gives 2 for even growth from nothing and 1 for a constant queue", () => {
    const grown = assessGrowth(Array.from({ length: 200 }, (_, index) => 3 * (index + 0.5)));
    expect(grown.verdict).toBe("growing");
    expect(grown.endToMean.value).toBeCloseTo(2, 12);
    expect(grown.slopePerSample).toBeCloseTo(3, 12);
    expect(grown.tStatistic).toBeGreaterThan(1e5);
    expect(assessGrowth(new Array<number>(200).fill(7))).toEqual({
      verdict: "steady",
      endToMean: { value: 1, low: 1, high: 1 },
      slopePerSample: 0,
      tStatistic: 0,
    });
  });

  test("calls an empty queue steady, and one whose only change is rounding", () => {
    expect(assessGrowth(new Array<number>(123).fill(0.1)).verdict).toBe("steady");
    expect(assessGrowth(new Array<number>(50).fill(0))).toMatchObject({ verdict: "steady", endToMean: { value: 1 } });
  });

  test("finds an overloaded queue growing", () => {
    const shares = verdicts(1.2, { samples: 500, everyServices: 2 });
    expect(shares.growing).toBeGreaterThan(0.95);
    expect(shares.steady).toBeLessThan(0.01);
  });

  test("finds growth on top of a queue that was long already", () => {
    const grown = verdicts(1.3, { from: 500, samples: 500, everyServices: 4 });
    expect(grown.growing).toBeGreaterThan(0.95);
  });

  test.each([0.5, 0.8, 0.9])("seldom accuses a steady queue at a load of %f", (load) => {
    const shares = verdicts(load, { warmupServices: 1000, everyServices: 20 });
    expect(shares.growing).toBeLessThan(0.03);
    expect(shares.steady).toBeGreaterThan(load === 0.9 ? 0.6 : 0.85);
  });

  test("does not call a draining queue steady", () => {
    const shares = verdicts(0.5, { from: 1000, samples: 500, everyServices: 2 });
    expect(shares.unclear).toBeGreaterThan(0.99);
  });

  test("judges nothing from fewer than five samples", () => {
    expect(assessGrowth([3])).toMatchObject({ verdict: "unclear", endToMean: { value: 1, low: 1, high: 1 } });
    expect(assessGrowth([1, 2, 3, 4])).toMatchObject({ verdict: "unclear", slopePerSample: 1, tStatistic: 0 });
    expect(assessGrowth([1, 2, 3, 4, 5]).verdict).toBe("growing");
  });

  test("does not depend on the unit, gives finite numbers, and its ratio lies in its interval", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 200 }), (lengths) => {
        const growth = assessGrowth(lengths);
        const scaled = assessGrowth(lengths.map((length) => length * 4));
        const { value, low, high } = growth.endToMean;
        expect([value, low, high, growth.slopePerSample, growth.tStatistic].every(Number.isFinite)).toBe(true);
        expect(low <= value && value <= high).toBe(true);
        expect(scaled).toEqual({ ...growth, slopePerSample: 4 * growth.slopePerSample });
      }),
    );
  });

  test("refuses no samples, and samples that are no numbers", () => {
    expect(() => assessGrowth([])).toThrow("lengths: none");
    expect(() => assessGrowth([1, Number.POSITIVE_INFINITY])).toThrow("lengths[1]");
  });
});
