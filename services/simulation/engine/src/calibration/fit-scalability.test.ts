import { describe, expect, test } from "vitest";
import { highestThroughput, peakLoad, type ScalabilityLaw, throughputAt } from "../analytic/scalability-law.ts";
import { fitScalability } from "./fit-scalability.ts";
import { readLoadTest } from "./read-load-test.ts";
import { findingsOfScalability } from "./scalability-findings.ts";

const loads = [1, 2, 4, 8, 16, 32, 64];
/** Measurements on the law, each a little off in turn. */
const measured = (law: ScalabilityLaw, off = 0, at: readonly number[] = loads) =>
  at.map((load, index) => ({ load, throughput: throughputAt(law, load) * (1 + (index % 2 === 0 ? off : -off)) }));

describe("the law", () => {
  test("peaks where neither neighbour is higher", () => {
    const law = { alpha: 0.05, beta: 0.001, gamma: 10 };
    const peak = peakLoad(law);
    expect(peak).toBeCloseTo(Math.sqrt(950), 9);
    expect(highestThroughput(law)).toBeGreaterThan(throughputAt(law, peak * 1.01));
    expect(highestThroughput(law)).toBeGreaterThan(throughputAt(law, peak / 1.01));
  });

  test.each([
    ["contention alone", { alpha: 0.1, beta: 0, gamma: 5 }, Infinity, 50],
    ["nothing", { alpha: 0, beta: 0, gamma: 5 }, Infinity, Infinity],
    ["all of the work", { alpha: 1.2, beta: 0.1, gamma: 5 }, 0, 5],
  ])("with %s has its limit", (_, law, peak, highest) => {
    expect(peakLoad(law)).toBe(peak);
    expect(highestThroughput(law)).toBeCloseTo(highest, 9);
  });
});

describe("a fit", () => {
  test("is the published one of a published load test", () => {
    const throughputs = [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775, 1702.2];
    const fit = fitScalability(
      [1, 18, 36, 72, 108, 144, 216].map((load, index) => ({ load, throughput: throughputs[index] as number })),
    );
    expect(Number(fit.alpha.value.toPrecision(4))).toBe(0.02773);
    expect(Number(fit.beta.value.toPrecision(4))).toBe(1.044e-4);
    expect(Number(fit.gamma.value.toPrecision(4))).toBe(90);
    expect(Number(fit.peak?.load.value.toPrecision(4))).toBe(96.52);
    expect(Number(fit.peak?.throughput.value.toPrecision(4))).toBe(1884);
  });

  test.each([
    ["a peak", { alpha: 0.04, beta: 3e-4, gamma: 120 }],
    ["a ceiling", { alpha: 0.2, beta: 0, gamma: 1e6 }],
    ["no limit", { alpha: 0, beta: 0, gamma: 1e-3 }],
    ["no contention", { alpha: 0, beta: 1e-3, gamma: 7 }],
    ["all of the work in turn", { alpha: 1.5, beta: 0.01, gamma: 7 }],
  ])("finds the law that the measurements lie on: %s", (_, law) => {
    const fit = fitScalability(measured(law));
    expect(fit.alpha.value).toBeCloseTo(law.alpha, 7);
    expect(fit.beta.value).toBeCloseTo(law.beta, 8);
    expect(fit.gamma.value / law.gamma).toBeCloseTo(1, 7);
    expect(fit.explained).toBeCloseTo(1, 9);
  });

  test("has no parameter below 0, and no interval for what it left at 0", () => {
    // Faster than in step with the load, as when caches get bigger with every node.
    const fit = fitScalability(loads.map((load) => ({ load, throughput: load ** 1.1 })));
    expect(fit.alpha).toEqual({ value: 0, interval: undefined });
    expect(fit.beta).toEqual({ value: 0, interval: undefined });
    expect(fit.gamma.interval?.low).toBeGreaterThan(0);
  });

  test("leaves no direction in which the squares get smaller", () => {
    const points = measured({ alpha: 0.05, beta: 5e-4, gamma: 100 }, 0.05);
    const { law } = fitScalability(points);
    const squares = (at: ScalabilityLaw) =>
      points.reduce((sum, { load, throughput }) => sum + (throughput - throughputAt(at, load)) ** 2, 0);
    for (const name of ["alpha", "beta", "gamma"] as const) {
      for (const factor of [0.999, 1.001]) {
        expect(squares({ ...law, [name]: law[name] * factor })).toBeGreaterThan(squares(law));
      }
    }
  });

  test("is surer of more measurements, and least sure far away", () => {
    const law = { alpha: 0.05, beta: 5e-4, gamma: 100 };
    const once = fitScalability(measured(law, 0.03));
    const often = fitScalability([1, 2, 3, 4].flatMap(() => measured(law, 0.03)));
    const width = ({ interval }: { interval: { low: number; high: number } | undefined }) =>
      (interval?.high as number) - (interval?.low as number);
    expect(width(often.alpha)).toBeLessThan(width(once.alpha) / 2);
    expect(width(once.predict(640)) / once.predict(640).value).toBeGreaterThan(
      width(once.predict(32)) / once.predict(32).value,
    );
    expect([once.predict(0.5), once.predict(64), once.predict(65)].map(({ isExtrapolated }) => isExtrapolated)).toEqual(
      [true, false, true],
    );
  });

  test.each([
    [3, [1, 2, 3]],
    [5, [1, 1, 2, 2, 2]],
  ])("is refused from %i measurements at %j", (count, at) => {
    const points = at.map((load) => ({ load, throughput: load }));
    expect(() => fitScalability(points)).toThrow(`${count} measurements at ${new Set(at).size} different loads`);
  });
});

describe("findings", () => {
  const findings = (law: ScalabilityLaw, off: number, at = loads, predicted: readonly number[] = []) => {
    const fit = fitScalability(measured(law, off, at));
    return findingsOfScalability(fit, predicted.map(fit.predict));
  };

  test("say nothing of a load test that shows its peak", () => {
    expect(findings({ alpha: 0.05, beta: 2e-3, gamma: 100 }, 0.001, loads, [3])).toEqual([]);
  });

  test.each<[string, ScalabilityLaw, number, readonly number[], RegExp]>([
    [
      "a peak beyond the measurements",
      { alpha: 0.05, beta: 5e-5, gamma: 100 },
      1e-4,
      [],
      /^the peak at 13\d.* 1 to 64$/,
    ],
    ["no peak", { alpha: 0.05, beta: 0, gamma: 100 }, 0, [], /a ceiling of 2000 instead of a peak/],
    ["no limit", { alpha: 0, beta: 0, gamma: 100 }, 0, [], /coherency is at its limit 0.* no limit$/],
    ["a peak that may not be", { alpha: 0.05, beta: 1e-4, gamma: 100 }, -0.05, [], /interval of coherency reaches 0/],
    ["a fall from the start", { alpha: 1.5, beta: 0.01, gamma: 7 }, 0, [], /falls from the start/],
    ["a prediction too far", { alpha: 0.05, beta: 2e-3, gamma: 100 }, 0.001, [5, 99], /^extrapolated at 99:/],
    ["a law that does not fit", { alpha: 0.05, beta: 2e-3, gamma: 100 }, 0.3, [], /more than 10 % off at 1, /],
  ])("say what is not supported: %s", (_, law, off, predicted, expected) => {
    expect(findings(law, off, loads, predicted)).toContainEqual(expect.stringMatching(expected));
  });

  test("say that there are few measurements", () => {
    expect(findings({ alpha: 0.05, beta: 2e-3, gamma: 100 }, 0.001, [1, 8, 16, 64])[0]).toMatch(/^4 measurements only/);
  });
});

describe("a file", () => {
  test("has its columns in any order, beside others, and rows in any order", () => {
    const text = '\ufeffName,Throughput, LOAD\r\n"a, b",20.5,2\r\n\r\nc,1e1,1\r\n';
    expect(readLoadTest(text, "t.csv")).toEqual([
      { load: 2, throughput: 20.5 },
      { load: 1, throughput: 10 },
    ]);
  });

  test("needs no heading with two columns", () => {
    expect(readLoadTest("1,10\n2,20", "t.csv")).toHaveLength(2);
  });

  test.each([
    ["load,throughput\n1,5\n\n2,0\n", 't.csv, row 4: throughput is "0"; it takes a number above 0'],
    ["load,throughput\n1\n", 't.csv, row 2: throughput is ""; it takes a number above 0'],
    ["throughput,load\n5,-1\n", 't.csv, row 2: load is "-1"; it takes a number above 0, up to 1000000000000'],
    ["load,throughput\n1e13,1\n", 't.csv, row 2: load is "1e13"'],
    ["1,2\nx,3\n", 't.csv, row 2: load is "x"'],
    ["1,2,3\n", "t.csv, row 1: has 3 columns without names"],
    ["users,throughput\n", 't.csv, row 1: the heading "users,throughput" has no column load'],
    ['load,throughput\n"1,5\n', "t.csv, row 2: a quotation mark"],
  ])("is refused with row and field: %j", (text, message) => {
    expect(() => readLoadTest(text, "t.csv")).toThrow(message);
  });
});
