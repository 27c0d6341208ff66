import { describe, expect, test } from "vitest";
import { compileModel } from "./model.ts";
import { ModelError } from "./model-error.ts";
import {
  closed,
  component,
  constant,
  constantRate,
  exponential,
  link,
  poisson,
  resultsOfComponent,
  simulate,
  singleStation,
} from "./scenario.ts";
import { Simulation } from "./simulation.ts";
import { TooManyRequestsError } from "./visit-pool.ts";

/** Two clients and one of everything, with every kind of randomness. */
const busy = {
  components: [
    component("web", "client"),
    component("batch", "client", { fanOut: "parallel" }),
    component("balancer", "load_balancer", { concurrency: 100 }),
    component("api", "service", { instances: 3, concurrency: 8, serviceTime: exponential(4), errorRatio: 0.01 }),
    component("cache", "cache", { concurrency: 50, serviceTime: constant(1), hitRatio: 0.7 }),
    component("db", "database", {
      concurrency: 4,
      serviceTime: { kind: "lognormal", meanMs: 8, cv: 1 },
      queueCapacity: 50,
    }),
    component("events", "queue", { concurrency: 10, serviceTime: constant(1) }),
    component("worker", "service", {
      concurrency: 4,
      serviceTime: { kind: "gamma", meanMs: 6, cv: 0.5 },
      errorRatio: 0.1,
    }),
  ],
  links: [
    link("web", "balancer", { latency: exponential(10) }),
    link("batch", "api"),
    link("batch", "db"),
    link("balancer", "api", { timeoutMs: 100, retries: 2, retryBackoffMs: 20 }),
    link("api", "cache", { callsPerRequest: 1.5 }),
    link("cache", "db", { timeoutMs: 80, retries: 1 }),
    link("api", "events", { callsPerRequest: 0.5, asynchronous: true }),
    link("events", "worker", { retries: 2, retryBackoffMs: 50 }),
  ],
  workloads: [poisson("web", 150), closed("batch", 20, 100), { ...constantRate("web", 30), id: "probe" }],
};
const busyRun = { seed: 7, durationMs: 15_000, warmupMs: 2000 };

describe("a run", () => {
  test("is the same for the same seed, and another for another", () => {
    const first = simulate(busy, busyRun).results();
    expect(simulate(busy, busyRun).results()).toEqual(first);
    expect(first.events).toBeGreaterThan(50_000);
    expect(simulate(busy, { ...busyRun, seed: 8 }).results().eventTraceHash).not.toBe(first.eventTraceHash);
  });

  test.each([1000, 37.7, 1])("does not depend on slices of %f ms, nor on who looks at it", (sliceMs) => {
    const whole = simulate(busy, busyRun).results();
    const sliced = new Simulation(compileModel(busy), busyRun);
    for (let slice = 1; !sliced.done; slice++) {
      sliced.runUntil(slice * sliceMs);
      if (slice % 7 === 0) sliced.frame();
      if (slice % 110 === 0) sliced.results();
    }
    expect(sliced.results()).toEqual(whole);
  });

  test("is the same with lanes for constant delays and without", () => {
    const lanes = simulate(busy, busyRun).results();
    expect(simulate(busy, { ...busyRun, lanes: false }).results()).toEqual(lanes);
  });

  test("does not depend on a limit of events per slice, which ends between two times", () => {
    const whole = simulate(busy, busyRun).results();
    const limited = new Simulation(compileModel(busy), busyRun);
    let slices = 0;
    for (let last = 0; !limited.runUntil(busyRun.durationMs, 100); slices++) {
      expect(limited.nowMs).toBeGreaterThan(last);
      last = limited.nowMs;
    }
    expect(slices).toBeGreaterThan(100);
    expect(limited.results()).toEqual(whole);
  });

  test("leaves one component's luck alone when another is added", () => {
    const servedAlone = simulate(singleStation(50, { serviceTime: exponential(10) }), { durationMs: 60_000 }).results();
    const station = singleStation(50, { serviceTime: exponential(10) });
    const extended = {
      components: [
        component("other", "client"),
        component("extra", "service", { serviceTime: exponential(3) }),
        ...station.components,
      ],
      links: [link("other", "extra"), ...station.links],
      workloads: [poisson("other", 200), ...station.workloads],
    };
    const served = simulate(extended, { durationMs: 60_000 }).results();
    expect(resultsOfComponent(served, "station")).toEqual(resultsOfComponent(servedAlone, "station"));
  });

  test("fails with the limit in words when the system overflows", () => {
    const model = compileModel(singleStation(1000, { serviceTime: constant(1000) }));
    const simulation = new Simulation(model, { seed: 1, durationMs: 60_000, maxRequestsInSystem: 5000 });
    expect(() => simulation.runUntil(60_000)).toThrow(TooManyRequestsError);
    expect(() => simulation.runUntil(60_000)).toThrow(/more than 5000 requests/);
  });

  test.each([
    ["seed", { seed: -1, durationMs: 1 }],
    ["seed", { seed: 2 ** 32, durationMs: 1 }],
    ["durationMs", { seed: 1, durationMs: 0 }],
    ["durationMs", { seed: 1, durationMs: Number.NaN }],
    ["warmupMs", { seed: 1, durationMs: 10, warmupMs: 10 }],
  ] as const)("refuses a bad %s: %j", (field, options) => {
    const model = compileModel(singleStation(1, {}));
    expect(() => new Simulation(model, options)).toThrow(ModelError);
    expect(() => new Simulation(model, options)).toThrow(new RegExp(`^${field} is`));
  });
});

describe("the warm-up", () => {
  test("is left out of the results, with those present at its end counted as arrivals", () => {
    // Requests start every second and take 2.5 s: at 10 s those of 8, 9 and 10 s are present, at 20 s another three.
    const architecture = {
      ...singleStation(1, { concurrency: 10, serviceTime: constant(2500) }),
      workloads: [constantRate("client", 1)],
    };
    const results = simulate(architecture, { durationMs: 20_000, warmupMs: 10_000 }).results();
    expect(results).toMatchObject({ warmupMs: 10_000, simulatedMs: 20_000, completed: 10, inFlight: 3 });
    const station = resultsOfComponent(results, "station");
    expect(station).toMatchObject({
      arrivals: 13,
      completed: 10,
      inFlight: 3,
      inFlightMean: 2.5,
      throughputPerSecond: 1,
    });
    expect(station.latency.maxMs).toBe(2500);
  });

  test("counts from the start while it lasts", () => {
    const simulation = new Simulation(compileModel(singleStation(100, {})), {
      seed: 1,
      durationMs: 10_000,
      warmupMs: 5000,
    });
    simulation.runUntil(4000);
    expect(simulation.results().warmupMs).toBe(0);
    expect(simulation.results().completed).toBeGreaterThan(300);
    simulation.runUntil(5000);
    expect(simulation.results()).toMatchObject({ warmupMs: 5000, completed: 0 });
  });
});

describe("the load", () => {
  test("multiplied for a while builds the backlog and the wait that a fluid would", () => {
    const architecture = {
      ...singleStation(50, { serviceTime: constant(10) }),
      workloads: [constantRate("client", 50)],
    };
    const simulation = new Simulation(compileModel(architecture), { seed: 1, durationMs: 180_000 });
    simulation.runUntil(30_000);
    simulation.setLoad(3);
    simulation.runUntil(90_000);
    simulation.setLoad(1);
    simulation.runUntil(180_000);
    const results = simulation.results();
    const station = resultsOfComponent(results, "station");
    expect(Math.abs(station.queueLengthMax - 3000)).toBeLessThan(3);
    expect(Math.abs(results.latency.maxMs / 30_000 - 1)).toBeLessThan(0.01);
    expect(station.inFlight).toBeLessThanOrEqual(1);
    expect(results.loadChanges).toEqual([
      { simulatedMs: 0, load: 1 },
      { simulatedMs: 30_000, load: 3 },
      { simulatedMs: 90_000, load: 1 },
    ]);
  });

  test("changed at the same times gives the same run, whatever the slices", () => {
    const run = (sliceMs: number) => {
      const simulation = new Simulation(compileModel(busy), busyRun);
      for (let time = 0; time <= busyRun.durationMs; time += sliceMs) {
        simulation.runUntil(time);
        if (time === 4000) simulation.setLoad(2.5);
        if (time === 9000) simulation.setLoad(0);
        if (time === 11_000) simulation.setLoad(0.5);
      }
      return simulation.results();
    };
    expect(run(50)).toEqual(run(1000));
  });

  test("at the start multiplies as a change would, and 0 silences every workload", () => {
    const arrivals = (load: number) => {
      const simulation = new Simulation(compileModel(busy, { load }), busyRun);
      simulation.runUntil(20_000);
      return resultsOfComponent(simulation.results(), "web").arrivals;
    };
    expect(arrivals(0)).toBe(0);
    expect(arrivals(0.5) / arrivals(1)).toBeCloseTo(0.5, 1);
  });

  test("changes the number of users who are about", () => {
    const architecture = {
      ...singleStation(1, { serviceTime: constant(100), concurrency: 100 }),
      workloads: [closed("client", 10, 0)],
    };
    const simulation = new Simulation(compileModel(architecture), { seed: 1, durationMs: 10_000 });
    const present = (load: number, time: number) => {
      simulation.setLoad(load);
      simulation.runUntil(time);
      return simulation.results().inFlight;
    };
    expect([present(1, 1050), present(3, 2050), present(0, 3050), present(0.2, 4050)]).toEqual([10, 30, 0, 2]);
  });

  test("out of range is refused and changes nothing", () => {
    const simulation = new Simulation(compileModel(busy), busyRun);
    simulation.runUntil(1000);
    for (const load of [-1, Number.NaN, 10_001]) expect(() => simulation.setLoad(load)).toThrow(/^load is/);
    simulation.runUntil(20_000);
    expect(simulation.results()).toEqual(simulate(busy, busyRun).results());
  });
});

describe("frames", () => {
  test("add up to the results", () => {
    const simulation = new Simulation(compileModel(busy), { seed: 3, durationMs: 20_000 });
    let answered = 0;
    let busyTime = 0;
    for (let sequence = 1; !simulation.done; sequence++) {
      simulation.runUntil(sequence * 160);
      const frame = simulation.frame(2.5);
      expect(frame).toMatchObject({ sequence, simulatedMs: sequence * 160, durationMs: 20_000, speed: 2.5, load: 1 });
      answered += frame.total.requestsPerSecond * 0.16;
      busyTime += (frame.components[3]?.utilization ?? 0) * 0.16;
      if (simulation.done) {
        const { completed, failed, inFlight } = simulation.results();
        expect(frame.total).toMatchObject({ completed, failed, inFlight });
        expect(Math.round(answered)).toBe(completed + failed);
        expect(busyTime / 20).toBeCloseTo(resultsOfComponent(simulation.results(), "api").utilization, 9);
      }
    }
  });

  test("are plain finite data, also before anything happened and when nothing passed since the last", () => {
    const simulation = new Simulation(compileModel(busy), busyRun);
    for (const frame of [simulation.frame(), simulation.frame()]) {
      expect(JSON.parse(JSON.stringify(frame))).toEqual(frame);
      expect(frame.total).toMatchObject({ requestsPerSecond: 0, p99Ms: 0, completed: 0 });
    }
    expect(JSON.parse(JSON.stringify(simulation.results()))).toEqual(simulation.results());
  });

  test("name the component that limits the system now, and none when none does", () => {
    const simulation = new Simulation(compileModel(singleStation(60, { serviceTime: exponential(10) })), {
      seed: 1,
      durationMs: 60_000,
    });
    simulation.runUntil(20_000);
    simulation.frame();
    const bottleneckAt = (time: number) => {
      for (let now = simulation.nowMs; now < time; now += 500) {
        simulation.runUntil(now);
        simulation.frame();
      }
      return simulation.frame().bottleneck;
    };
    expect(bottleneckAt(25_000)).toBe("");
    simulation.setLoad(3);
    expect(bottleneckAt(35_000)).toBe("station");
  });
});
