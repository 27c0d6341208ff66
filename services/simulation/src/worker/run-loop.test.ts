import { compileModel, Simulation } from "@weft/simulator";
import { constant, simulate, singleStation } from "@weft/simulator/testing";
import { describe, expect, test } from "vitest";
import type { Report } from "./messages.ts";
import { RunLoop } from "./run-loop.ts";

const architecture = singleStation(200, { serviceTime: constant(4) });

/** A loop on a clock that only moves when told, and by the cost given for each look at it. */
function startLoop(
  speed: number,
  options: { durationMs?: number; lookCostMs?: number; maxRequestsInSystem?: number } = {},
) {
  const { durationMs = 10_000, lookCostMs = 0, ...limits } = options;
  const reports: Report[] = [];
  const delays: number[] = [];
  let nowMs = 0;
  let pending: (() => void) | undefined;
  const loop = new RunLoop({
    simulation: new Simulation(compileModel(architecture), { seed: 1, durationMs, ...limits }),
    speed,
    frameIntervalMs: 16,
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
