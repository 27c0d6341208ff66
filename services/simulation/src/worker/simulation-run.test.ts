import { type Change, compileModel, ModelError, Simulation } from "@weft/simulator";
import { decodeFrame } from "@weft/simulator/frames";
import { exponential, simulate, singleStation } from "@weft/simulator/testing";
import { describe, expect, test } from "vitest";
import type { ShownFrame } from "../domain/lifecycle/ports.ts";
import type { ScheduledChange } from "./messages.ts";
import { type RunOptions, type RunOutcome, type SimulationRun, startRun } from "./simulation-run.ts";

const architecture = singleStation(100, { serviceTime: exponential(8) });

/** A run whose frames and end can be waited for. */
function observe(options: Partial<RunOptions> = {}) {
  const frames: ShownFrame[] = [];
  const outcomes: RunOutcome[] = [];
  const ended = Promise.withResolvers<RunOutcome>();
  let awaited: { accepts: (frame: ShownFrame) => boolean; resolve: (frame: ShownFrame) => void } | undefined;
  const run: SimulationRun = startRun({
    architecture,
    load: 1,
    seed: 11,
    durationSeconds: 30,
    speed: 0,
    onFrame: (frame) => {
      frames.push(frame);
      if (awaited?.accepts(frame)) awaited.resolve(frame);
    },
    onEnd: (outcome) => {
      outcomes.push(outcome);
      ended.resolve(outcome);
    },
    ...options,
  });
  const frame = (accepts: (frame: ShownFrame) => boolean = () => true) => {
    const next = Promise.withResolvers<ShownFrame>();
    awaited = { accepts, resolve: next.resolve };
    return next.promise;
  };
  return { run, frames, frame, ended: ended.promise, outcomes };
}

describe("a run in a worker", () => {
  test("completes with the very results that the same run has without one", async () => {
    const { run, frames, ended } = observe({ warmupSeconds: 2 });
    const outcome = await ended;
    expect(outcome).toEqual({
      status: "COMPLETED",
      results: simulate(architecture, { seed: 11, durationMs: 30_000, warmupMs: 2000 }).results(),
    });
    expect(run.status).toBe("COMPLETED");
    expect(frames.map((frame) => frame.sequence)).toEqual(frames.map((_, index) => index + 1));
    expect(frames.at(-1)).toMatchObject({ simulatedMs: 30_000, durationMs: 30_000 });
  });

  test("paused and resumed on its way does what an undisturbed one does", async () => {
    const { run, frame, ended } = observe({ speed: 50, durationSeconds: 3600 });
    await frame();
    run.pause();
    expect(run.status).toBe("PAUSED");
    // The frame that pausing sends is the last: it stands where the next one after resuming goes on.
    const atPause = await frame();
    run.resume();
    expect(run.status).toBe("RUNNING");
    expect((await frame()).simulatedMs).toBeGreaterThanOrEqual(atPause.simulatedMs);
    run.stop();
    const { results } = await ended;
    const undisturbed = new Simulation(compileModel(architecture), { seed: 11, durationMs: 3_600_000 });
    undisturbed.runUntil(results?.simulatedMs ?? 0);
    expect(undisturbed.results()).toEqual(results);
  });

  test("takes a new load while it goes on, and writes down when", async () => {
    const { run, frame, ended } = observe({ speed: 20, durationSeconds: 3600 });
    await frame();
    run.setLoad(0.25);
    expect((await frame((one) => one.load === 0.25)).load).toBe(0.25);
    run.stop();
    const { results } = await ended;
    expect(results?.loadChanges.map((change) => change.load)).toEqual([1, 0.25]);
    expect(() => run.setLoad(-1)).toThrow(ModelError);
  });

  test("is changed while it goes on, and the same changes at the same times make the same run", async () => {
    const [broken, mended] = [1, 0].map((ratio) => ({ kind: "errors", component: "station", ratio }) as const);
    const told: unknown[] = [];
    const live = observe({ speed: 20, durationSeconds: 3600, onChange: (report) => told.push(report) });
    await live.frame();
    live.run.apply(1, broken as Change);
    await live.frame((one) => one.total.failuresPerSecond > 0);
    live.run.apply(2, { ...(broken as Extract<Change, { kind: "errors" }>), component: "nothing" });
    live.run.apply(3, mended as Change);
    await live.frame((one) => one.total.failuresPerSecond === 0);
    live.run.stop();
    const { results } = await live.ended;
    const [first, last] = results?.changes ?? [];
    expect(told).toEqual([
      { type: "applied", number: 1, atMs: first?.atMs },
      { type: "refused", number: 2, reason: expect.stringContaining('no component "nothing"') },
      { type: "applied", number: 3, atMs: last?.atMs },
    ]);

    const heard: number[] = [];
    const again = observe({
      durationSeconds: (results?.simulatedMs ?? 0) / 1000,
      // In any order; only those with a number are told.
      changes: [{ ...last, number: 3 } as ScheduledChange, first as ScheduledChange],
      onChange: ({ number }) => heard.push(number),
    });
    expect((await again.ended).results).toEqual(results);
    expect(heard).toEqual([3]);
  });

  test("stopped in the middle keeps what it showed, and ends once", async () => {
    const { run, frame, ended, outcomes } = observe({ speed: 1, durationSeconds: 3600 });
    await frame();
    run.stop();
    run.stop();
    const outcome = await ended;
    expect(outcome).toMatchObject({ status: "STOPPED", results: { seed: 11 } });
    expect(outcome.results?.simulatedMs).toBeGreaterThan(0);
    run.stop();
    run.pause();
    run.resume();
    expect([run.status, outcomes.length]).toEqual(["STOPPED", 1]);
  });

  test("stopped while paused ends as well", async () => {
    const { run, frame, ended } = observe({ speed: 1, durationSeconds: 3600 });
    await frame();
    run.pause();
    run.stop();
    expect(await ended).toMatchObject({ status: "STOPPED" });
  });

  test("fails with the reason when the system overflows", async () => {
    const { ended } = observe({
      architecture: singleStation(1000, { serviceTime: exponential(5000) }),
      maxRequestsInSystem: 1000,
    });
    expect(await ended).toEqual({ status: "FAILED", error: expect.stringMatching(/more than 1000 requests/) });
  });

  test.each([
    ["throws", "throw new Error('out of order')", /the worker failed: out of order/],
    ["exits", "process.exit(3)", /exited with code 3/],
    ["ends without a word", "", /exited with code 0/],
    ["cannot be loaded", "import 'weft:nothing'", /the worker failed/],
  ])("fails with the reason when its worker %s", async (_, program, reason) => {
    const { run, ended, outcomes } = observe({
      workerUrl: new URL(`data:text/javascript,${encodeURIComponent(program)}`),
    });
    expect(await ended).toEqual({ status: "FAILED", error: expect.stringMatching(reason) });
    expect([run.status, outcomes.length]).toEqual(["FAILED", 1]);
  });
});

describe("a run's frames", () => {
  test("come with their bytes, which say whose they are and when they were put together", async () => {
    const before = Date.now();
    const { run, frame, ended } = observe({ simulationId: "s7", speed: 1 });
    const { encoded, ...figures } = await frame();
    const read = decodeFrame(encoded ?? new Uint8Array());
    expect(read).toMatchObject({ simulationId: "s7", status: "RUNNING", skipped: 0, frame: figures });
    // The clocks of two threads, of which one counts whole milliseconds only.
    expect(read.composedAtMs).toBeGreaterThanOrEqual(before - 5);
    expect(read.composedAtMs).toBeLessThanOrEqual(Date.now() + 5);
    run.stop();
    await ended;
  });
});

describe("startRun", () => {
  test.each([
    ["speed", { speed: -1 }],
    ["frameRateHz", { frameRateHz: 61 }],
    ["durationMs", { durationSeconds: 0 }],
    ["load", { load: Number.NaN }],
    ["seed", { seed: 0.5 }],
    ["instance", { changes: [{ atMs: 0, change: { kind: "up", component: "station", instances: [9] } as const }] }],
  ])("refuses a bad %s before there is a worker", (field, options) => {
    expect(() => observe(options)).toThrow(ModelError);
    expect(() => observe(options)).toThrow(new RegExp(`${field} is`));
  });
});
