import { describe, expect, test } from "vitest";
import type { Architecture } from "../architecture.ts";
import { RandomStream } from "../random.ts";
import { runReplication } from "../replications/run-replication.ts";
import { exponential, singleStation } from "../scenario.ts";
import { type CapacityAnswer, type CapacityOptions, CapacitySearch } from "./capacity-search.ts";
import { capacitySentence } from "./capacity-sentence.ts";
import type { JudgedRun } from "./collapse.ts";
import { parseObjective } from "./objective.ts";

type RunAt = (load: number, index: number) => JudgedRun;

function search(options: CapacityOptions, runAt: RunAt): CapacityAnswer & { runs: number } {
  const capacity = new CapacitySearch(options);
  let runs = 0;
  for (let step = capacity.ask(); ; step = capacity.ask()) {
    if (step.kind === "done") return { ...step.answer, runs };
    const { load, done, more } = step;
    runs += more;
    if (runs > 20_000) throw new Error("the search does not end");
    capacity.tell(Array.from({ length: more }, (_, index) => runAt(load, done + index)));
  }
}

const sample = runReplication(singleStation(50, {}), { seed: 1, durationMs: 1000, warmupMs: 0, load: 1, slices: 3 });

/** A run with that mean latency, otherwise in good order. */
function runWith(meanMs: number): JudgedRun {
  const { results } = sample;
  return { results: { ...results, bottlenecks: [], latency: { ...results.latency, meanMs } }, series: [] };
}

const objectives = [parseObjective("mean<50ms")];
/** Mean response of M/M/1 with a service time of 10 ms: 50 ms at a load of 0.8. */
const exactMs = (load: number) => (load >= 1 ? 1e6 : 10 / (1 - load));

describe("CapacitySearch", () => {
  test("brackets the exact answer as closely as asked for", () => {
    const answer = search({ objectives, relativePrecision: 0.01 }, (load) => runWith(exactMs(load)));
    expect(answer).toMatchObject({ outcome: "found", isPrecise: true });
    expect(answer.load).toBeLessThan(0.8);
    expect(answer.missedFromLoad).toBeGreaterThanOrEqual(0.8);
    expect((answer.missedFromLoad ?? 0) / answer.load).toBeLessThanOrEqual(1.01);
    expect(answer.runs).toBeLessThan(150);
  });

  test("spends replications only where it is not decided yet, and brackets the truth in at least 95 of 100 searches", () => {
    let right = 0;
    for (let seed = 0; seed < 100; seed++) {
      const random = new RandomStream(seed, "noise");
      const answer = search({ objectives }, (load) => {
        const noise = random.exponential();
        return runWith(exactMs(load) * (0.8 + 0.2 * noise));
      });
      if (answer.load < 0.8 && (answer.missedFromLoad ?? 0) > 0.8) right++;
      const byLoad = answer.points.map(({ replications }) => replications);
      expect(Math.min(...byLoad)).toBe(10);
      expect(Math.max(...byLoad)).toBeGreaterThan(10);
    }
    expect(right).toBeGreaterThanOrEqual(95);
  });

  test("finds the load of M/M/1 at which the p99 of the response is the limit", () => {
    // -ln(0.01) ÷ (μ - λ) = 100 ms with μ = 100/s: λ = 53.95/s.
    const exact = (100 + Math.log(0.01) / 0.1) / 50;
    const station: Architecture = singleStation(50, { serviceTime: exponential(10) });
    const options = { objectives: [parseObjective("p99<100ms")], startLoad: 0.7, maximumReplications: 20 };
    const answer = search({ ...options, relativePrecision: 0.1 }, (load, index) =>
      runReplication(station, { seed: 1000 + index, durationMs: 40_000, warmupMs: 2000, load, slices: 30 }),
    );
    // The p99 of some 2000 requests is biased by less than 1 %.
    expect(answer.load).toBeLessThan(1.01 * exact);
    expect(answer.missedFromLoad).toBeGreaterThan(0.99 * exact);
    expect((answer.missedFromLoad ?? 0) / answer.load).toBeLessThan(1.25);
    const sure = answer.points.find(({ load }) => load === answer.load);
    expect(sure?.objectives[0]?.missed.value).toBeLessThan(0.6);
    expect(sure?.throughputPerSecond.value).toBeCloseTo(50 * answer.load, -0.5);
  });

  test("says how much is answered in time at each load", () => {
    const { results, series } = runWith(5);
    const late = { results: { ...results, throughputPerSecond: 50, goodputPerSecond: 40 }, series };
    const answer = search({ objectives, highestLoad: 2 }, () => late);
    expect(answer.points[0]).toMatchObject({ throughputPerSecond: { value: 50 }, goodputPerSecond: { value: 40 } });
    expect(capacitySentence(answer, "mean<50ms")).toContain("(40/s answered well and in time)");
  });

  test("says when the objective is never met, and when it is met up to the bound", () => {
    const never = search({ objectives, lowestLoad: 0.0123456 }, () => runWith(60));
    expect(never).toMatchObject({ outcome: "never-met", load: 0, missedFromLoad: 0.012346 });
    expect(capacitySentence(never, "mean<50ms")).toMatch(/^mean<50ms: not met at any load down to 0.0123/);
    const always = search({ objectives, highestLoad: 7 }, () => runWith(6));
    expect(always).toMatchObject({ outcome: "always-met", load: 7 });
    expect(always.missedFromLoad).toBeUndefined();
    expect(capacitySentence(always, "mean<50ms")).toMatch(/met at every load up to 7 .*where the search ends/);
  });

  test("does not take a system that collapses for one that answers fast", () => {
    const answer = search({ objectives }, (load) => {
      const run = runWith(5);
      return load <= 3 ? run : { ...run, results: { ...run.results, completed: 0 } };
    });
    expect(answer.load).toBeLessThanOrEqual(3);
    expect(answer.missedFromLoad).toBeLessThan(3.2);
  });

  test("looks further up for a load that misses when it began at one that stays undecided", () => {
    let turn = 0;
    const unclear = (load: number) => (load > 0.7 && load < 1.1 ? (turn++ % 2 === 0 ? 0.2 : 3) * 30 : 0);
    const answer = search({ objectives, maximumReplications: 10 }, (load) =>
      runWith(unclear(load) || (load < 1 ? 20 : 90)),
    );
    expect(answer.load).toBeLessThanOrEqual(0.7);
    expect(answer.missedFromLoad).toBeGreaterThanOrEqual(1.1);
    expect(answer.missedFromLoad).toBeLessThan(1.2);
  });

  test("counts an overflow as missed", () => {
    const capacity = new CapacitySearch({ objectives });
    capacity.tell("overflow");
    expect(capacity.ask()).toEqual({ kind: "run", load: 0.5, done: 0, more: 10 });
  });

  test("says when it could not be decided as precisely as asked for", () => {
    let turn = 0;
    const answer = search({ objectives, maximumReplications: 10 }, (load) =>
      runWith(exactMs(load) * (turn++ % 2 === 0 ? 0.2 : 1.8)),
    );
    expect(answer).toMatchObject({ outcome: "found", isPrecise: false });
    expect(answer.load).toBeLessThan(0.8);
    expect(answer.missedFromLoad).toBeGreaterThan(0.8);
    expect(capacitySentence(answer, "mean<50ms")).toContain("less precise than asked for");
  });

  test.each([
    [{ objectives: [] }, "objectives: none given"],
    [{ objectives, startLoad: 0 }, "startLoad: 0 given"],
    [{ objectives, highestLoad: 0.5 }, "startLoad: 1 given"],
    [{ objectives, relativePrecision: 5 }, "relativePrecision: 5 given"],
    [{ objectives, maximumReplications: 4 }, "maximumReplications: 4 given"],
  ])("refuses options that make no sense", (options, message) => {
    expect(() => new CapacitySearch(options)).toThrow(message);
  });
});
