import { compileModel, Simulation } from "@weft/simulator";
import { constant, simulate, singleStation } from "@weft/simulator/testing";
import { describe, expect, test } from "vitest";
import type { Command, Report, ScheduledChange } from "./messages.ts";
import { RunLoop } from "./run-loop.ts";

const architecture = singleStation(200, { serviceTime: constant(4) });

/** A loop on a clock that only moves when told, and by the cost given for each look at it. */
function startLoop(
  speed: number,
  options: {
    durationMs?: number;
    lookCostMs?: number;
    maxRequestsInSystem?: number;
    changes?: readonly ScheduledChange[];
  } = {},
) {
  const { durationMs = 10_000, lookCostMs = 0, changes = [], ...limits } = options;
  const reports: Report[] = [];
  const delays: number[] = [];
  let nowMs = 0;
  let pending: (() => void) | undefined;
  const loop = new RunLoop({
    simulation: new Simulation(compileModel(architecture), { seed: 1, durationMs, ...limits }),
    speed,
    frameIntervalMs: 16,
    changes,
    now: () => {
      nowMs += lookCostMs;
      return nowMs;
    },
    schedule: (callback, delayMs) => {
      pending = callback;
      delays.push(delayMs);
      return () => {
        pending = undefined;
      };
    },
    report: (report) => reports.push(report),
  });
  const step = () => {
    const callback = pending;
    pending = undefined;
    nowMs += delays.at(-1) ?? 0;
    callback?.();
    return callback !== undefined;
  };
  const frames = () => reports.flatMap((report) => (report.type === "frame" ? [report.frame] : []));
  const advance = (wallMs: number) => {
    nowMs += wallMs;
  };
  return { loop, reports, frames, step, delays, advance };
}

describe("RunLoop", () => {
  test("runs to the end and reports a last frame, then the results", () => {
    const { reports, step } = startLoop(0);
    while (step());
    expect(reports.at(-2)).toMatchObject({ type: "frame", frame: { simulatedMs: 10_000 } });
    expect(reports.at(-1)).toEqual({
      type: "end",
      status: "COMPLETED",
      results: simulate(architecture, { durationMs: 10_000 }).results(),
    });
  });

  test("sends a frame per interval at the speed asked for, and sleeps in between", () => {
    const { frames, step, delays } = startLoop(10);
    for (let steps = 0; steps < 11; steps++) step();
    expect(frames().length).toBe(10);
    expect(delays.slice(1).every((delay) => delay === 16)).toBe(true);
    for (const frame of frames()) expect(frame.speed).toBeCloseTo(10, 9);
    expect(frames().map((frame) => frame.simulatedMs)).toEqual(frames().map((_, index) => (index + 1) * 160));
  });

  test("gives the thread back when a slice takes long, and tells the speed it achieved", () => {
    const { frames, step, delays } = startLoop(100_000, { durationMs: 600_000, lookCostMs: 3 });
    for (let steps = 0; steps < 30; steps++) step();
    expect(delays.every((delay) => delay === 0)).toBe(true);
    expect(frames().length).toBeGreaterThan(3);
    for (const { speed } of frames()) {
      expect(speed).toBeGreaterThan(0);
      expect(speed).toBeLessThan(100_000);
    }
  });

  test("stands still while paused and does not make up for it afterwards", () => {
    const { loop, frames, step, advance } = startLoop(1);
    step();
    step();
    loop.handle({ type: "pause" });
    const atPause = frames().at(-1)?.simulatedMs;
    expect(step()).toBe(false);
    advance(60_000);
    loop.handle({ type: "pause" });
    loop.handle({ type: "resume" });
    step();
    step();
    expect(frames().at(-1)?.simulatedMs).toBeLessThanOrEqual((atPause ?? 0) + 17);
    expect(frames().at(-1)?.speed).toBeCloseTo(1, 9);
  });

  test("changes the load and stops on command, with what there is so far", () => {
    const { loop, reports, step } = startLoop(1);
    for (let steps = 0; steps < 5; steps++) step();
    loop.handle({ type: "set-load", load: 2 });
    step();
    loop.handle({ type: "stop" });
    expect(step()).toBe(false);
    expect(reports.at(-1)).toMatchObject({
      type: "end",
      status: "STOPPED",
      results: { loadChanges: [{ load: 1 }, { simulatedMs: 64, load: 2 }], simulatedMs: 80 },
    });
    const before = reports.length;
    loop.handle({ type: "resume" });
    loop.handle({ type: "stop" });
    expect(reports.length).toBe(before);
  });

  test("fails in words when the system overflows", () => {
    const { loop, reports, step } = startLoop(0, { maxRequestsInSystem: 20 });
    loop.handle({ type: "set-load", load: 100 });
    while (step());
    expect(reports.at(-1)).toEqual({
      type: "failed",
      error: expect.stringMatching(/^after 0\.\d{3} simulated seconds: more than 20 requests/),
    });
  });
});

const broken = { kind: "errors", component: "station", ratio: 1 } as const;
const mended = { kind: "errors", component: "station", ratio: 0 } as const;
const crowd = { kind: "burst", workload: "client-load", requests: 40 } as const;
/** What the loop told last, which is the end of a run that was driven to it. */
const resultsOf = (reports: readonly Report[]) => {
  const end = reports.at(-1);
  return end?.type === "end" ? end.results : expect.fail("did not end");
};

describe("changes", () => {
  test("take effect at their simulated time, whatever the slices, and are told by number", () => {
    const changes = [
      { number: 7, atMs: 1000, change: broken },
      { atMs: 1000, change: crowd },
      { number: 8, atMs: 3333.333_333, change: mended },
    ];
    const runs = [0, 100_000].map((speed) => {
      const { reports, step } = startLoop(speed, { changes, lookCostMs: speed === 0 ? 0 : 3 });
      while (step());
      return { reports, results: resultsOf(reports) };
    });
    for (const { reports, results } of runs) {
      expect(reports.filter(({ type }) => type === "applied")).toEqual([
        { type: "applied", number: 7, atMs: 1000 },
        { type: "applied", number: 8, atMs: 3333.333_333 },
      ]);
      expect(results.changes).toEqual(changes.map(({ atMs, change }) => ({ atMs, change })));
      // A constant 4 ms at 200 a second: all that came in between failed, and the crowd with them.
      expect(results.failed).toBeGreaterThan(0.8 * 200 * 2.333);
    }
    expect(runs[1]?.results).toEqual(runs[0]?.results);
  });

  test("made live are repeated to the last event by the same changes at the times they took effect", () => {
    const live = startLoop(1);
    const commands: readonly Command[] = [
      { type: "apply", number: 1, change: broken },
      { type: "set-load", load: 1.2 },
      { type: "apply", number: 2, change: crowd },
      { type: "pause" },
      { type: "apply", number: 3, change: mended },
      { type: "resume" },
    ];
    for (const command of commands) {
      for (let steps = 0; steps < 7; steps++) live.step();
      live.loop.handle(command);
    }
    for (let steps = 0; steps < 100; steps++) live.step();
    live.loop.handle({ type: "stop" });
    const made = resultsOf(live.reports);
    expect(made.changes.map(({ change }) => change.kind)).toEqual(["errors", "load", "burst", "errors"]);

    const repeated = startLoop(0, { durationMs: made.simulatedMs, changes: made.changes });
    while (repeated.step());
    expect(resultsOf(repeated.reports)).toEqual(made);
    const others = made.changes.map(({ atMs, change }) => ({ atMs: atMs + 1, change }));
    const other = startLoop(0, { durationMs: made.simulatedMs, changes: others });
    while (other.step());
    expect(resultsOf(other.reports).eventTraceHash).not.toBe(made.eventTraceHash);
  });

  test("that are impossible change nothing and end nothing, and those with a number say why", () => {
    const changes = [{ atMs: 100, change: { kind: "workload", workload: "client-load", factor: 5000 } as const }];
    const { loop, reports, step } = startLoop(1, { changes });
    for (let steps = 0; steps < 10; steps++) step();
    loop.handle({ type: "set-load", load: 9000 });
    loop.handle({ type: "apply", number: 1, change: { ...broken, component: "nothing" } });
    expect(reports.filter(({ type }) => type === "refused")).toEqual([
      { type: "refused", number: 1, reason: 'change "errors": the model has no component "nothing"' },
    ]);
    loop.handle({ type: "stop" });
    expect(resultsOf(reports)).toMatchObject({ changes, loadChanges: [{ load: 1 }] });
  });

  test("that overflow the system end the run in words, also while it is paused", () => {
    const { loop, reports, step } = startLoop(1, { maxRequestsInSystem: 20 });
    step();
    loop.handle({ type: "pause" });
    loop.handle({ type: "apply", number: 1, change: crowd });
    expect(reports.at(-1)).toEqual({ type: "failed", error: expect.stringMatching(/more than 20 requests/) });
    loop.handle({ type: "resume" });
    expect(step()).toBe(false);
  });
});
