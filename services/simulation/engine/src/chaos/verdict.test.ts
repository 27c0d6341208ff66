import { describe, expect, test } from "vitest";
import { type ChaosPoint, defaultBand, judgeRun } from "./verdict.ts";

const window = { warmupMs: 5000, fromMs: 20_000, toMs: 30_000 };

/** 100/s answered in 20 ms, in steps of half a second over 90 s, changed by `at` (seconds at the end of the step). */
function series(at: (seconds: number) => Partial<ChaosPoint>): ChaosPoint[] {
  return Array.from({ length: 180 }, (_, index) => {
    const seconds = (index + 1) / 2;
    const calm = {
      requestsPerSecond: 100,
      failuresPerSecond: 0,
      p50Ms: 10,
      p95Ms: 20,
      p99Ms: 30,
      inFlight: 1,
      backlog: 1,
    };
    return { simulatedMs: seconds * 1000, ...calm, ...at(seconds) };
  });
}

const isIn = (seconds: number, from: number, to: number) => seconds > from && seconds <= to;
const failing = { failuresPerSecond: 100, p95Ms: 0, p99Ms: 0 };
const judge = (at: (seconds: number) => Partial<ChaosPoint>) => judgeRun(series(at), window);

describe("judgeRun", () => {
  test("calls it not disturbed when nothing left the band", () => {
    const { verdict, goodputLost } = judge((seconds) =>
      isIn(seconds, 20, 30) ? { failuresPerSecond: 4, p95Ms: 25 } : {},
    );
    expect({ verdict, goodputLost }).toEqual({ verdict: "not_disturbed", goodputLost: 40 });
  });

  test("takes single steps out of band for flukes", () => {
    expect(judge((seconds) => (seconds % 3 === 0 ? failing : {})).verdict).toBe("not_disturbed");
  });

  test("measures the time to recover from the end of the fault to the first step back in band", () => {
    const found = judge((seconds) => (isIn(seconds, 20, 42.5) ? failing : {}));
    expect(found).toMatchObject({ verdict: "recovered", timeToRecoverMs: 12_500, goodputLost: 2250, goodputAtEnd: 1 });
    expect(found.worst).toMatchObject({ errorRatio: 1, goodputPerSecond: 0, p99Ms: 0 });
  });

  test.each([
    ["errors", { failuresPerSecond: 6 }],
    ["slow answers", { p95Ms: 31 }],
    ["missing answers", { requestsPerSecond: 60 }],
  ])("sees %s", (_, changed) => {
    expect(judge((seconds) => (isIn(seconds, 20, 35) ? changed : {}))).toMatchObject({ verdict: "recovered" });
  });

  test("recovers at once when the fault's end is the end of it", () => {
    expect(judge((seconds) => (isIn(seconds, 20, 30) ? failing : {})).timeToRecoverMs).toBe(0);
  });

  test("does not call it recovered when it falls again", () => {
    const again = judge((seconds) => (isIn(seconds, 20, 32) || seconds > 60 ? { ...failing, backlog: 500 } : {}));
    expect(again).toMatchObject({ verdict: "metastable", goodputAtEnd: 0 });
    expect(again.timeToRecoverMs).toBeUndefined();
  });

  test("calls it metastable when it stays down and its work does not drain", () => {
    expect(judge((seconds) => (seconds > 20 ? { ...failing, backlog: 800 } : {}))).toMatchObject({
      verdict: "metastable",
      isDraining: false,
    });
  });

  test("calls it degraded when it stays down but drains", () => {
    const draining = (seconds: number) => ({ ...failing, backlog: 800 - 4 * (seconds - 30) });
    expect(judge((seconds) => (seconds > 20 ? draining(seconds) : {}))).toMatchObject({
      verdict: "degraded",
      isDraining: true,
    });
  });

  test("calls it degraded when more than half still works", () => {
    expect(judge((seconds) => (seconds > 20 ? { failuresPerSecond: 40, backlog: 100 } : {})).verdict).toBe("degraded");
  });

  test("allows errors that were there before", () => {
    const before = (failuresPerSecond: number) => (seconds: number) => ({
      failuresPerSecond: isIn(seconds, 20, 30) ? failuresPerSecond : 20,
    });
    expect(judge(before(24)).verdict).toBe("not_disturbed");
    expect(judge(before(60)).verdict).toBe("recovered");
  });

  test("wants the whole settling time in band", () => {
    const late = series((seconds) => (isIn(seconds, 20, 82) ? failing : {}));
    expect(judgeRun(late, window).verdict).not.toBe("recovered");
    expect(judgeRun(late, window, { ...defaultBand, settleMs: 7000 }).timeToRecoverMs).toBe(52_000);
  });

  test("sees what a fault of one moment does", () => {
    const herd = series((seconds) => (isIn(seconds, 20, 23) ? { ...failing, inFlight: 50 } : {}));
    const found = judgeRun(herd, { ...window, toMs: 20_000 });
    expect(found).toMatchObject({
      verdict: "recovered",
      timeToRecoverMs: 3000,
      worst: { errorRatio: 1, inFlight: 50 },
    });
  });

  test("refuses a run without a baseline", () => {
    expect(() =>
      judgeRun(
        series(() => ({})),
        { ...window, fromMs: 5000 },
      ),
    ).toThrow("none lies between the warm-up and the first fault");
  });
});
