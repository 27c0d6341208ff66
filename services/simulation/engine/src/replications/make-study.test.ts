import { describe, expect, test } from "vitest";
import { component, constant, exponential, link, poisson, singleStation } from "../scenario.ts";
import { detectWarmup } from "./detect-warmup.ts";
import { makeStudy } from "./make-study.ts";
import { type ReplicationOutcome, replicationSeed, runReplication } from "./run-replication.ts";

const given = { durationMs: 20_000, warmupMs: 2000, warmupFrom: "given" } as const;

function replicate(architecture: Parameters<typeof runReplication>[0], count: number, load = 1): ReplicationOutcome[] {
  return Array.from({ length: count }, (_, index) =>
    runReplication(architecture, { seed: replicationSeed(7, index), ...given, load, slices: 40 }),
  );
}

/** M/M/1 at utilization 0.5: mean response 20 ms. */
const station = singleStation(50, { serviceTime: exponential(10) });
const runs = replicate(station, 20);

describe("makeStudy", () => {
  const study = makeStudy(runs, given);

  test("gives the mean of the replications with an interval that holds the exact value", () => {
    const { value, low, high } = study.latency.meanMs;
    const means = runs.map(({ results }) => results.latency.meanMs);
    expect(value).toBeCloseTo(means.reduce((sum, mean) => sum + mean, 0) / 20, 9);
    // t(0.975, 19) = 2.093 standard errors each way.
    const variance = means.reduce((sum, mean) => sum + (mean - value) ** 2, 0) / 19;
    expect(high - value).toBeCloseTo(2.093 * Math.sqrt(variance / 20), 3);
    expect(value - low).toBeCloseTo(high - value, 9);
    expect((high - value) / value).toBeLessThan(0.05);
    // Four standard errors, as everywhere.
    expect(Math.abs(value - 20)).toBeLessThan((4 * (high - value)) / 2.093);
  });

  test("averages quantiles over the replications instead of pooling their requests", () => {
    const mean = runs.reduce((sum, { results }) => sum + results.latency.p99Ms, 0) / runs.length;
    expect(study.latency.p99Ms.value).toBeCloseTo(mean, 9);
  });

  test("says of each component what its replications showed", () => {
    const { utilization, throughputPerSecond, ...rest } = study.components[1] ?? {};
    expect(rest).toMatchObject({ id: "station", name: "station", kind: "service", instances: 1 });
    expect([utilization?.value, throughputPerSecond?.value]).toEqual([
      expect.closeTo(0.5, 1),
      expect.closeTo(study.throughputPerSecond.value, 0),
    ]);
    expect(study).toMatchObject({ ...given, replications: 20, seed: 7 });
    expect(study.events).toBe(runs.reduce((sum, { results }) => sum + results.events, 0));
  });

  test("says for how much of the time how many requests are present", () => {
    const { utilization, presentAtLeast = [] } = study.components[1] ?? {};
    // One slot is held exactly while somebody is there, and M/M/1 at 0.5 has n or more for 0.5^n of the time.
    expect(presentAtLeast[1]).toBeCloseTo(utilization?.value ?? 0, 3);
    expect(presentAtLeast[0]).toBe(1);
    expect(presentAtLeast[2]).toBeCloseTo(0.25, 1);
    expect(presentAtLeast[3]).toBeCloseTo(0.125, 1);
    expect(presentAtLeast).toEqual(presentAtLeast.toSorted((a, b) => b - a));
    expect(presentAtLeast.at(-1)).toBeGreaterThanOrEqual(0.0001);
    expect(presentAtLeast.every((share) => share === Number(share.toFixed(4)))).toBe(true);
  });

  test("has a curve that ascends to 1 and agrees with the quantiles", () => {
    const { latencyCurve } = study;
    for (const [index, point] of latencyCurve.entries()) {
      expect(point.share).toBeGreaterThan(latencyCurve[index - 1]?.share ?? 0);
      expect(point.upToMs).toBeGreaterThan(latencyCurve[index - 1]?.upToMs ?? -1);
    }
    expect(latencyCurve.at(-1)?.share).toBe(1);
    const median = latencyCurve.find(({ share }) => share >= 0.5);
    expect((median?.upToMs ?? 0) / study.latency.p50Ms.value).toBeCloseTo(1, 1);
  });

  test("has a series from the start of the run, with the warm-up in it", () => {
    expect(study.series.map(({ simulatedMs }) => simulatedMs)).toEqual(
      Array.from({ length: 40 }, (_, slice) => (slice + 1) * 500),
    );
    const rates = study.series.map(({ requestsPerSecond }) => requestsPerSecond);
    expect(rates.reduce((sum, rate) => sum + rate, 0) / 40).toBeCloseTo(50, -1);
  });

  test("calls a single run one, whose intervals are the values themselves", () => {
    const single = makeStudy(runs.slice(0, 1), given);
    expect(single.warnings).toContain("single run: no intervals");
    const { value, low, high } = single.latency.p99Ms;
    expect([low, high]).toEqual([value, value]);
    expect(study.warnings.join()).not.toContain("single run");
  });

  test("refuses to say anything of no replication", () => {
    expect(() => makeStudy([], given)).toThrow(RangeError);
  });

  test("warns that quantiles rest on few requests, and passes on what the caller knows", () => {
    const { warnings } = makeStudy(runs, { ...given, warnings: ["the moon was full"] });
    expect(warnings).toEqual([
      expect.stringMatching(/^a replication answers \d+ requests well, so p99 and/),
      "the moon was full",
    ]);
  });

  test("warns of components that no request reached, since an import may have missed a link", () => {
    const reached = {
      ...station,
      components: [...station.components, component("seed", "service"), component("worker", "service")],
    };
    const { warnings } = makeStudy(replicate(reached, 2), given);
    expect(warnings[0]).toMatch(/^no request reached seed, worker: /);
  });

  test("names the bottleneck of an overload, and that its queue still grew", () => {
    const overload = makeStudy(replicate(station, 5, 2.4), given);
    expect(overload.bottlenecks[0]).toMatchObject({ component: "station", reason: "growing-queue" });
    expect(overload.bottlenecks[0]?.message).not.toContain("replications");
    expect(overload.bottlenecks[0]?.utilization).toBeGreaterThan(0.98);
    expect(overload.warnings).toContain("the queue of station still grew at the end: a longer run gives longer waits");
  });

  test("counts refusals as errors of a component, and keeps shares within 0 and 1", () => {
    const full = {
      components: [
        component("client", "client"),
        component("db", "database", { queueCapacity: 0, serviceTime: constant(1000) }),
      ],
      links: [link("client", "db")],
      workloads: [poisson("client", 20)],
    };
    const three = replicate(full, 3);
    const { components, errorRatio } = makeStudy(three, given);
    const shed = three.reduce((sum, { results }) => sum + (results.components[1]?.shed ?? 0), 0);
    expect(components[1]?.shedPerSecond.value).toBeCloseTo(shed / 3 / 18, 9);
    expect(components[1]?.errorRatio.value).toBeCloseTo(0.95, 1);
    for (const share of [errorRatio, components[1]?.utilization]) {
      expect(share?.low).toBeGreaterThan(0.5);
      expect(share?.high).toBeLessThanOrEqual(1);
    }
  });

  test("says how many must wait and how long, and what is answered in time", () => {
    const { components, goodputPerSecond, goodputRatio, throughputPerSecond } = study;
    // M/M/1 at utilization 0.5: half wait, and 99 % wait less than ln(0.5 / 0.01) ÷ (100 - 50) s.
    expect(components[1]?.waitProbability.value).toBeCloseTo(0.5, 1);
    const p99Ms = components[1]?.waitP99Ms ?? { low: 0, high: 0 };
    // Few of a replication's 900 requests are beyond it.
    expect(p99Ms.low).toBeLessThan(1250 * (Math.log(50) / 50));
    expect(p99Ms.high).toBeGreaterThan(1000 * (Math.log(50) / 50));
    expect([goodputPerSecond, goodputRatio.value]).toEqual([throughputPerSecond, 1]);
    const hasty = { ...station, workloads: station.workloads.map((one) => ({ ...one, deadlineMs: 20 })) };
    // 1 - e^-1 of the answers take less than their mean.
    expect(makeStudy(replicate(hasty, 5), given).goodputRatio.value).toBeCloseTo(0.632, 1);
  });

  test("counts what a rate limit and a pool refuse, and who waits for a connection", () => {
    const limited = singleStation(100, { rateLimit: { perSecond: 50, burst: 1 }, serviceTime: constant(1) });
    expect(makeStudy(replicate(limited, 2), given).components[1]?.limitedPerSecond.value).toBeGreaterThan(40);
    const links = [link("client", "station", { maxConnections: 1, connectionQueue: 3 })];
    const pooled = { ...singleStation(150, { serviceTime: constant(10), concurrency: 9 }), links };
    const { components } = makeStudy(replicate(pooled, 2), given);
    expect(components[1]?.refusedPerSecond.value).toBeGreaterThan(40);
    expect(components[0]?.backlogMean.value).toBeGreaterThan(1);
  });

  test("has no latencies when nothing was answered well, and says so", () => {
    const broken = singleStation(50, { errorRatio: 1 });
    const { latency, latencyCurve, warnings } = makeStudy(replicate(broken, 3), given);
    expect([latency.p99Ms, latencyCurve]).toEqual([{ value: 0, low: 0, high: 0 }, []]);
    expect(warnings).toEqual(["no request was answered well: there are no latencies"]);
  });
});

describe("runReplication", () => {
  test("gives equal outcomes for equal seeds, which can be sent between threads", () => {
    const again = runReplication(station, { seed: 7, ...given, load: 1, slices: 40 });
    expect(structuredClone(again)).toEqual(runs[0]);
    expect(again.results.eventTraceHash).not.toBe(runs[1]?.results.eventTraceHash);
  });

  test("puts the same requests into the bins as into the results", () => {
    for (const { latencyBins, results } of runs) {
      expect(latencyBins.reduce((sum, { count }) => sum + count, 0)).toBe(results.completed);
    }
  });
});

describe("replicationSeed", () => {
  test("follows the first seed and goes on at 0 after the last there is", () => {
    expect([replicationSeed(5, 2), replicationSeed(2 ** 32 - 1, 1)]).toEqual([7, 0]);
  });
});

describe("detectWarmup", () => {
  const pilots = (architecture: Parameters<typeof runReplication>[0]) =>
    Array.from({ length: 5 }, (_, index) =>
      runReplication(architecture, { seed: 1 + index, durationMs: 60_000, warmupMs: 0, load: 1, slices: 300 }),
    );

  test("cuts the time in which a system that starts empty fills", () => {
    // 500 slots of 5 s each are filled after some multiples of 5 s.
    const slow = singleStation(50, { concurrency: 500, serviceTime: exponential(5000) });
    const { warmupMs, isSettled } = detectWarmup(pilots(slow));
    expect(warmupMs).toBeGreaterThan(5000);
    expect(warmupMs).toBeLessThan(30_000);
    expect(isSettled).toBe(true);
  });

  test("says that an overload never settles", () => {
    const overload = singleStation(200, { serviceTime: exponential(10) });
    expect(detectWarmup(pilots(overload)).isSettled).toBe(false);
  });

  test("keeps nearly all of a run that is steady from the start", () => {
    const { warmupMs, isSettled } = detectWarmup(pilots(singleStation(50, { serviceTime: exponential(4) })));
    expect(warmupMs).toBeLessThan(12_000);
    expect(isSettled).toBe(true);
  });
});
