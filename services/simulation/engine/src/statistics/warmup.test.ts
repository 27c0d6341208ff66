import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { isUnsettled, mser5 } from "./warmup.ts";

/** Steady noise whose neighbours correlate by 0.7, around 100, plus what `bias` says for each index. */
function autoregressive(length: number, stream: RandomStream, bias: (index: number) => number): number[] {
  let deviation = stream.normal() / Math.sqrt(1 - 0.7 ** 2);
  return Array.from({ length }, (_, index) => {
    deviation = 0.7 * deviation + stream.normal();
    return 100 + deviation + bias(index);
  });
}

const trials = 300;
const series = (length: number, name: string, bias: (index: number) => number): number[][] => {
  const stream = new RandomStream(7, name);
  return Array.from({ length: trials }, () => autoregressive(length, stream, bias));
};
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const shareOf = (values: readonly boolean[]) => mean(values.map(Number));

describe("mser5", () => {
  test("cuts a step at the batch in which it ends", () => {
    const step = (length: number) => Array.from({ length: 200 }, (_, index) => (index < length ? 0 : 10 + (index % 2)));
    expect([0, 20, 35].map((length) => mser5(step(length)))).toEqual([0, 20, 35]);
    expect(mser5(step(37))).toBe(40);
  });

  test("cuts a decaying bias within a few of its time constants", () => {
    // The bias starts at 20, 14 standard deviations of the noise, and falls by e every 40 values.
    const cuts = series(1000, "decay", (index) => -20 * Math.exp(-index / 40)).map(mser5);
    const within = cuts.filter((cut) => cut >= 60 && cut <= 240);
    expect(within.length / trials).toBeGreaterThan(0.9);
    expect(Math.abs(mean(cuts) - 120)).toBeLessThan(40);
  });

  test("leaves nine tenths of the bias of the mean behind", () => {
    const runs = series(1000, "bias", (index) => -20 * Math.exp(-index / 40));
    const before = mean(runs.map((run) => mean(run) - 100));
    const after = mean(runs.map((run) => mean(run.slice(mser5(run))) - 100));
    expect(before).toBeCloseTo(-0.8, 1);
    expect(Math.abs(after)).toBeLessThan(0.08);
  });

  test("cuts little from a series that was steady all along", () => {
    const cuts = series(500, "steady", () => 0).map(mser5);
    expect(cuts.filter((cut) => cut <= 50).length / trials).toBeGreaterThan(0.9);
  });

  test("keeps everything of short and of constant series", () => {
    expect(mser5([])).toBe(0);
    expect(mser5(Array.from({ length: 49 }, (_, index) => (index < 20 ? 0 : 10)))).toBe(0);
    expect(mser5(new Array<number>(500).fill(0.1))).toBe(0);
  });

  test("gives an index in the first half, the same when the series is moved and scaled", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 300 }), (values) => {
        const cut = mser5(values);
        expect(cut % 5).toBe(0);
        expect(cut).toBeLessThanOrEqual(values.length / 2);
        expect(mser5(values.map((value) => -8 * value))).toBe(cut);
      }),
    );
  });

  test("refuses values that are no numbers", () => {
    expect(() => mser5([1, Number.NaN])).toThrow("series[1]");
  });
});

describe("isUnsettled", () => {
  test("finds a series that rises to its end, and one whose bias outlasts the half", () => {
    expect(shareOf(series(400, "rise", (index) => index / 10).map(isUnsettled))).toBeGreaterThan(0.95);
    expect(isUnsettled(Array.from({ length: 100 }, (_, index) => index))).toBe(true);
    expect(isUnsettled(Array.from({ length: 100 }, (_, index) => (index < 60 ? 0 : 10 + (index % 2))))).toBe(true);
  });

  test("seldom accuses a series that is steady, or was after a start-up", () => {
    expect(shareOf(series(400, "steady", () => 0).map(isUnsettled))).toBeLessThan(0.03);
    const decays = series(400, "decayed", (index) => -20 * Math.exp(-index / 15));
    expect(shareOf(decays.map(isUnsettled))).toBeLessThan(0.03);
  });

  test("says nothing about short and constant series", () => {
    expect([[], [1, 2, 3], new Array<number>(100).fill(4)].map(isUnsettled)).toEqual([false, false, false]);
  });
});
