import { describe, expect, test } from "vitest";
import { compileModel } from "../model.ts";
import { constant, singleStation } from "../scenario.ts";
import { Simulation } from "../simulation.ts";
import { parseObjective } from "../what-if/objective.ts";
import { type ChaosPlan, makeChaosReport, runChaosExperiment } from "./experiment.ts";
import type { Fault } from "./fault.ts";
import { runChaosPair, usualStepMs } from "./run-chaos.ts";
import { richSystem, stormSystem } from "./sample-system.ts";

const outage: Fault = {
  kind: "retry_storm",
  name: "outage",
  on: ["link:client-api"],
  startMs: 10_000,
  durationMs: 10_000,
};
const plan: ChaosPlan = {
  seed: 5,
  replications: 6,
  load: 1,
  durationMs: 60_000,
  warmupMs: 1000,
  faults: [outage],
  hypotheses: [parseObjective("p99<5s"), parseObjective("errors<1%")],
};
const one = { ...plan, seed: 5 };

describe("runChaosPair", () => {
  const { disturbed, undisturbed } = runChaosPair(richSystem, {
    ...one,
    durationMs: 20_000,
    faults: [{ kind: "brown_out", on: ["web"], factor: 3, startMs: 8000, durationMs: 4000 }],
  });

  test("is the same run until the first fault, and another one from then on", () => {
    const until = (series: typeof undisturbed.series) => series.filter(({ simulatedMs }) => simulatedMs <= 8000);
    expect(until(disturbed.series)).toEqual(until(undisturbed.series));
    expect(disturbed.series).not.toEqual(undisturbed.series);
  });

  test("can be repeated by the changes of its results", () => {
    const { changes = [], eventTraceHash } = disturbed.results ?? {};
    const again = new Simulation(compileModel(richSystem), { seed: 5, durationMs: 20_000, warmupMs: 1000, changes });
    again.runUntil(20_000);
    expect(again.results().eventTraceHash).toBe(eventTraceHash);
  });

  test("says of an overflow after the faults that the run did not come back", () => {
    const spike: Fault = { kind: "stampede", on: ["client-load"], requests: 2000, startMs: 2010, durationMs: 0 };
    const limited = { ...one, durationMs: 5000, warmupMs: 0, stepMs: 50, maxRequestsInSystem: 1000 };
    const system = singleStation(10, { serviceTime: constant(1) });
    const flooded = runChaosPair(system, { ...limited, faults: [spike] });
    expect(flooded.disturbed).toMatchObject({ overflowedAtMs: 2010, verdict: { verdict: "degraded" } });
    expect(flooded.disturbed.results).toBeUndefined();
    expect(flooded.undisturbed.overflowedAtMs).toBeUndefined();
    const later = runChaosPair(stormSystem(40), {
      ...limited,
      durationMs: 60_000,
      faults: [outage],
      maxRequestsInSystem: 1700,
    });
    expect(later.disturbed.overflowedAtMs).toBeGreaterThan(20_000);
    expect(later.disturbed.verdict?.verdict).toBe("metastable");
  });
});

describe("an abort rule", () => {
  const rule = { figure: "errors", above: 0.5, forMs: 2000 } as const;
  const { disturbed } = runChaosPair(stormSystem(20), { ...one, faults: [{ ...outage, abort: rule }], stepMs: 500 });

  test("ends the faults once its figure has been too high for long enough, and says so", () => {
    // Calls fail from 0.8 s after the outage began, and the step in which they do began 0.5 s after it.
    expect(disturbed.aborted).toEqual({ atMs: 12_500, fault: "outage", rule });
    expect(disturbed.results?.changes.map(({ atMs, change }) => [atMs, "slots" in change && change.slots])).toEqual([
      [10_000, 0],
      [12_500, 1],
    ]);
  });

  test("measures the recovery from the abort on", () => {
    // Fluid: (80/s × 2.5 s - 20) ÷ 20/s = 9 s.
    expect(disturbed.verdict?.verdict).toBe("recovered");
    expect(Math.abs((disturbed.verdict?.timeToRecoverMs ?? 0) - 9000)).toBeLessThan(6000);
  });

  test("leaves alone a run that keeps within it", () => {
    const calm = { ...outage, abort: { ...rule, forMs: 30_000 } };
    expect(runChaosPair(stormSystem(20), { ...one, faults: [calm] }).disturbed.aborted).toBeUndefined();
  });
});

describe("runChaosExperiment", () => {
  const recovering = runChaosExperiment(stormSystem(10), plan);
  const storming = runChaosExperiment(stormSystem(40), plan);

  test("counts verdicts that add up, each with Wilson's interval", () => {
    expect(recovering.verdicts.map(({ verdict, runs }) => [verdict, runs])).toEqual([
      ["not_disturbed", 0],
      ["recovered", 6],
      ["degraded", 0],
      ["metastable", 0],
    ]);
    const chance = storming.verdicts.find(({ verdict }) => verdict === "metastable")?.probability;
    expect(chance).toMatchObject({ value: 1, high: 1 });
    expect(chance?.low).toBeCloseTo(0.61, 2);
    expect(storming.sentence).toBe("Of 6 runs the system stayed down in 6.");
    expect(recovering.sentence).toMatch(
      /^Of 6 runs the system recovered in 6; recovery takes [\d.]+ s in the median\.$/,
    );
  });

  test("gives the median time to recover with its interval, and none when nothing recovered", () => {
    const { value = 0, low = 0, high = 0, runs } = recovering.timeToRecoverMs ?? {};
    expect(runs).toBe(6);
    expect(low).toBeLessThanOrEqual(value);
    expect(value).toBeLessThanOrEqual(high);
    expect(Math.abs(value - 6300)).toBeLessThan(3000);
    expect(storming.timeToRecoverMs).toBeUndefined();
  });

  test("counts what the undisturbed runs answered more", () => {
    // 10/s for about 10 s of outage and 6.3 s of recovery, and 40/s from 10 s to 60 s.
    expect(Math.abs(recovering.goodputLost.value - 163)).toBeLessThan(30);
    expect(Math.abs(storming.goodputLost.value - 2000)).toBeLessThan(150);
    expect(storming.undisturbedCollapse.value).toBe(0);
  });

  test("judges the hypotheses over the whole run, with the faults and without", () => {
    expect(recovering.hypotheses.map(({ objective, verdict }) => [objective, verdict])).toEqual([
      ["p99<5s", "holds"],
      ["errors<1%", "fails"],
    ]);
    const [, errors] = storming.hypotheses;
    expect([errors?.missed.value, errors?.missedUndisturbed.value]).toEqual([1, 0]);
  });

  test("compares with the undisturbed runs pair by pair", () => {
    const throughput = storming.figures.find(({ name }) => name === "throughput");
    expect(throughput).toMatchObject({ pairs: 6, change: "worse" });
    expect(storming.series.disturbed).toHaveLength(60_000 / usualStepMs(60_000));
  });

  test("gives the same answer for the same plan", () => {
    expect(runChaosExperiment(stormSystem(10), { ...plan, replications: 2 }).runs).toEqual(recovering.runs.slice(0, 2));
  });

  test("refuses to say anything about no runs", () => {
    expect(() => makeChaosReport([], plan)).toThrow("outcomes: none given");
  });
});

test("usualStepMs is round and makes at most 400 steps of long runs", () => {
  expect([1000, 30_000, 60_000, 180_000, 3_600_000].map(usualStepMs)).toEqual([50, 100, 200, 500, 10_000]);
});
