import { describe, expect, test } from "vitest";
import type { Architecture, Component, Workload } from "../architecture.ts";
import { estimateEvents } from "../estimate-events.ts";
import { compileModel } from "../model.ts";
import { expectMean } from "../replications.ts";
import { component, constant, exponential, link, resultsOfComponent, simulate, singleStation } from "../scenario.ts";
import { Simulation } from "../simulation.ts";
import { expectMeanOf, seeds, workload } from "./arrival-times.ts";

function stationWith(load: Workload, station: Partial<Component>): Architecture {
  return { ...singleStation(1, station), workloads: [load] };
}

function presentAt(simulation: Simulation, timeMs: number): number {
  simulation.runUntil(timeMs);
  return simulation.audit().find(({ component: id }) => id === "station")?.inFlight ?? Number.NaN;
}

describe("a day of an infinite server", () => {
  // Eick, Massey and Whitt (1993): 100 (1 + 0.5 sin) a second, exponential service of 5 s, a day of 60 s.
  test("has the mean, the amplitude and the lag of theory", () => {
    const given = workload("diurnal", { amplitude: 0.5, periodMs: 60_000 });
    const model = compileModel(stationWith(given, { concurrency: 10_000, serviceTime: exponential(5000) }));
    const frequency = (2 * Math.PI) / 60;
    const samples = 120;
    const waves = seeds.map((seed) => {
      const simulation = new Simulation(model, { seed, durationMs: 180_000 });
      let [mean, sine, cosine] = [0, 0, 0];
      // The first day fills the server; the next two count.
      for (let sample = 0; sample < samples; sample++) {
        const second = 60 + sample;
        const present = presentAt(simulation, second * 1000);
        mean += present / samples;
        sine += (2 * present * Math.sin(frequency * second)) / samples;
        cosine += (2 * present * Math.cos(frequency * second)) / samples;
      }
      return { mean, amplitude: Math.hypot(sine, cosine), lag: Math.atan2(-cosine, sine) / frequency };
    });
    expectMeanOf(
      waves.map(({ mean }) => mean),
      500,
      0.005,
    );
    expectMeanOf(
      waves.map(({ amplitude }) => amplitude),
      221.5,
      0.015,
    );
    expectMeanOf(
      waves.map(({ lag }) => lag),
      4.606,
      0.02,
    );
  });
});

describe("a spike beyond what a station can do", () => {
  test("leaves the backlog of the fluid limit, which drains in as long as it says", () => {
    const given = workload("spike", { ratePerSecond: 50, spikeFactor: 3, startMs: 20_000, lengthMs: 60_000 });
    const model = compileModel(stationWith(given, { serviceTime: exponential(10) }));
    const runs = seeds.map((seed) => {
      const simulation = new Simulation(model, { seed, durationMs: 200_000 });
      const backlog = presentAt(simulation, 80_000);
      let emptyMs = 80_000;
      while (presentAt(simulation, emptyMs) > 0) emptyMs += 250;
      return { backlog, drainSeconds: (emptyMs - 80_000) / 1000 };
    });
    expectMeanOf(
      runs.map(({ backlog }) => backlog),
      3000,
      0.015,
    );
    expectMeanOf(
      runs.map(({ drainSeconds }) => drainSeconds),
      60,
      0.03,
    );
  });
});

describe("batches at a station", () => {
  test("wait as theory says", () => {
    const given = workload("batch", { ratePerSecond: 80, batchSize: 5 });
    const architecture = stationWith(given, { serviceTime: exponential(10) });
    const runs = seeds.map((seed) => simulate(architecture, { seed, durationMs: 270_000, warmupMs: 20_000 }).results());
    expectMean(runs, (run) => resultsOfComponent(run, "station").inFlightMean, 12, { precision: 0.035 });
    expectMean(runs, (run) => resultsOfComponent(run, "station").latency.meanMs, 150, { precision: 0.035 });
  });
});

describe("a run with every kind of workload", () => {
  const kinds: readonly Workload[] = [
    workload("bursty", { burstMs: 200 }),
    workload("diurnal", { periodMs: 3000 }),
    workload("ramp", { toRatePerSecond: 300, startMs: 1000, lengthMs: 3000 }),
    workload("spike", { startMs: 2000, lengthMs: 1000 }),
    workload("batch"),
    workload("replay", { arrivalsMs: Array.from({ length: 500 }, (_, index) => index * 7) }),
  ].map((given) => ({ ...given, id: given.kind }));
  const architecture = {
    components: [
      component("client", "client"),
      component("station", "service", { concurrency: 8, serviceTime: exponential(8) }),
    ],
    links: [link("client", "station", { latency: constant(1) })],
    workloads: kinds,
  };
  const model = compileModel(architecture);
  const changes = [
    [1500, 1.5],
    [2500, 0],
    [3000, 0.7],
  ] as const;

  function run(seed: number, sliceMs: number) {
    const simulation = new Simulation(model, { seed, durationMs: 6000 });
    for (const [atMs, load] of [...changes, [6000, 1] as const]) {
      while (simulation.nowMs < atMs) simulation.runUntil(Math.min(simulation.nowMs + sliceMs, atMs));
      if (atMs < 6000) simulation.setLoad(load);
    }
    return simulation.results();
  }

  test("is the same for the same seed, in slices of any size", () => {
    const whole = run(7, 6000);
    expect(whole.events).toBeGreaterThan(5000);
    for (const sliceMs of [1000, 33.3, 1]) expect(run(7, sliceMs)).toEqual(whole);
    expect(run(8, 6000).eventTraceHash).not.toBe(whole.eventTraceHash);
  });

  test("has about as many events as were estimated", () => {
    const events = seeds.map((seed) => simulate(architecture, { seed, durationMs: 6000 }).results().events);
    const mean = events.reduce((sum, count) => sum + count, 0) / events.length;
    expect(estimateEvents(model, 6000) / mean).toBeCloseTo(1, 1);
  });

  test("leaves a workload's arrivals alone when others are added", () => {
    const alone = (workloads: readonly Workload[]) =>
      resultsOfComponent(simulate({ ...architecture, workloads }, { durationMs: 5900 }).results(), "station").arrivals;
    const each = kinds.map((given) => alone([given]));
    expect(alone(kinds)).toBe(each.reduce((sum, count) => sum + count, 0));
  });
});
