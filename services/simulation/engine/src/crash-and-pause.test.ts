import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link } from "./architecture.ts";
import type { Change } from "./changes.ts";
import { component, constant, exponential, link, poisson, resultsOfComponent, simulate } from "./scenario.ts";

/** Requests at these times to an api that calls a database. */
function replayed(
  arrivalsMs: readonly number[],
  given: { api?: Partial<Component>; db?: Partial<Component>; link?: Partial<Link>; call?: Partial<Link> } = {},
): Architecture {
  return {
    components: [
      component("client", "client"),
      component("api", "service", { concurrency: 10, ...given.api }),
      component("db", "database", { concurrency: 10, ...given.db }),
    ],
    links: [link("client", "api", given.link), link("api", "db", given.call)],
    workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs }],
  };
}

function run(model: Architecture, changes: readonly (readonly [number, Change])[], durationMs = 10_000) {
  return simulate(model, { durationMs, changes: changes.map(([atMs, change]) => ({ atMs, change })) });
}

const pause = (component: string, lengthMs: number, instance?: number): Change => {
  return { kind: "pause", component, lengthMs, ...(instance !== undefined && { instance }) };
};

describe("a pause", () => {
  test("makes work in progress end later by exactly its length", () => {
    const model = replayed([0, 50], { api: { serviceTime: constant(100) } });
    const { latency } = run(model, [[70, pause("api", 1000)]]).results();
    expect(latency).toMatchObject({ meanMs: 1100, maxMs: 1100 });
  });

  test("makes work that would begin in it begin when it is over", () => {
    const model = replayed([100], { api: { serviceTime: constant(10) } });
    expect(run(model, [[50, pause("api", 200)]]).results().latency.maxMs).toBe(160);
  });

  test("is added to one that is under way, and several are missed one after the other", () => {
    const model = replayed([0], { api: { serviceTime: constant(100) } });
    const overlapping = run(model, [
      [50, pause("api", 200)],
      [150, pause("api", 200)],
    ]);
    expect(overlapping.results().latency.maxMs).toBe(500);
    const apart = run(model, [
      [50, pause("api", 20)],
      [110, pause("api", 20)],
      [200, pause("api", 20)],
    ]);
    expect(apart.results().latency.maxMs).toBe(140);
  });

  test("stops one instance or all", () => {
    const model = replayed([0, 0], { api: { instances: 2, balancing: "round_robin", serviceTime: constant(100) } });
    expect(run(model, [[50, pause("api", 500, 0)]]).results().latency).toMatchObject({ meanMs: 350, maxMs: 600 });
    expect(run(model, [[50, pause("api", 500)]]).results().latency).toMatchObject({ meanMs: 600, maxMs: 600 });
  });

  test("stops shared cores as well", () => {
    const model = replayed([0, 0, 80], { api: { cpus: 1, serviceTime: constant(100) } });
    // Without: the first two have done 40 each by 80, share with the third until 260 and leave it 40 of its own.
    expect(run(model, []).results().latency.maxMs).toBe(260);
    const { latency } = run(model, [[30, pause("api", 1000)]]).results();
    // All there from 1030 on: 15 are done of two, 85 for three each take 255, then 15 alone.
    expect(latency.maxMs).toBe(1285);
    expect(latency.meanMs).toBeCloseTo((1285 + 1285 + 1300 - 80) / 3, 6);
  });

  test("lets calls go on that are under way elsewhere", () => {
    const model = replayed([0], { db: { serviceTime: constant(100) } });
    expect(run(model, [[50, pause("api", 1000)]]).results().latency.maxMs).toBe(100);
  });
});

const crash = (component: string, instances: readonly number[], isNoticed = true): Change => {
  return { kind: "down", component, instances, inFlight: "fail", isNoticed };
};

describe("a crash", () => {
  test("fails everything that the instance holds, wherever it stands, at that moment", () => {
    // Slot, calling the database, and queue: two of each at 100 ms.
    const api = { concurrency: 4, serviceTime: constant(80) };
    const model = replayed([0, 0, 50, 50, 60, 60], { api, db: { serviceTime: constant(500) } });
    const simulation = run(model, [[100, crash("api", [0])]]);
    expect(simulation.results()).toMatchObject({ completed: 0, failed: 6, inFlight: 0 });
    expect(resultsOfComponent(simulation.results(), "api")).toMatchObject({ failed: 6, inFlight: 0, shed: 0 });
    expect(resultsOfComponent(simulation.results(), "db")).toMatchObject({ completed: 2 });
    const audit = simulation.audit().find((one) => one.component === "api");
    expect(audit?.residenceNs).toBe((100 + 100 + 50 + 50 + 40 + 40) * 1e6);
    expect(audit?.presentAreaNs).toBe(audit?.residenceNs);
  });

  test("leaves the other instances alone, which get everything once it is noticed", () => {
    const api = { instances: 2, balancing: "round_robin", serviceTime: constant(100) } as const;
    const model = replayed([0, 0, 150, 150], { api });
    expect(run(model, [[50, crash("api", [0])]]).results()).toMatchObject({ completed: 3, failed: 1 });
    expect(run(model, [[50, crash("api", [0], false)]]).results()).toMatchObject({ completed: 2, failed: 2 });
  });

  test("is answered with a failure that callers may try again elsewhere", () => {
    const api = { instances: 2, balancing: "round_robin", serviceTime: constant(100) } as const;
    const model = replayed([0, 0], { api, link: { retries: 1 } });
    const { completed, latency } = run(model, [[50, crash("api", [0])]]).results();
    expect({ completed, maxMs: latency.maxMs }).toEqual({ completed: 2, maxMs: 150 });
  });

  test("does not send what waits for a connection of the instance", () => {
    const model = replayed([0, 0, 0, 0, 0], { db: { serviceTime: constant(500) }, call: { maxConnections: 1 } });
    const results = run(model, [[100, crash("api", [0])]]).results();
    expect(resultsOfComponent(results, "db").arrivals).toBe(1);
    expect(resultsOfComponent(results, "api")).toMatchObject({ failed: 5, inFlight: 0 });
  });

  test("ends those who wait for a fetch together with it", () => {
    const cache = { keys: 1, skew: 0, capacity: 1, policy: "lru", ttlMs: 0, singleFlight: true } as const;
    const model: Architecture = {
      ...replayed([0, 10, 20]),
      components: [
        component("client", "client"),
        component("api", "cache", { concurrency: 10, cache }),
        component("db", "database", { serviceTime: constant(500) }),
      ],
    };
    const simulation = run(model, [[100, crash("api", [0])]]);
    expect(resultsOfComponent(simulation.results(), "api")).toMatchObject({
      failed: 3,
      collapsedMisses: 2,
      inFlight: 0,
    });
    expect(simulation.results().failed).toBe(3);
  });

  test("and coming up again, over and over, loses nothing and counts instances right", () => {
    const autoscaler = {
      minInstances: 1,
      maxInstances: 4,
      targetUtilization: 0.6,
      intervalMs: 100,
      startDelayMs: 50,
      scaleDownDelayMs: 100,
    };
    const model: Architecture = {
      ...replayed([0], {
        api: { instances: 2, serviceTime: exponential(20), autoscaler },
        db: { serviceTime: exponential(20) },
      }),
      workloads: [poisson("client", 150)],
    };
    const changes = Array.from({ length: 40 }, (_, index): [number, Change] => {
      const instances = [index % 4, (index + 1) % 4];
      return [
        100 + 120 * index,
        index % 3 === 2
          ? { kind: "up", component: "api", instances: [0, 1, 2, 3] }
          : crash("api", instances, index % 2 === 0),
      ];
    });
    const simulation = run(model, changes, 6000);
    for (const { arrivals, completed, failed, shed, inFlight, presentAreaNs, residenceNs } of simulation.audit()) {
      expect(arrivals).toBe(completed + failed + shed + inFlight);
      expect(presentAreaNs).toBe(residenceNs);
    }
    const { instancesMean, utilization } = resultsOfComponent(simulation.results(), "api");
    expect(instancesMean).toBeGreaterThan(0);
    expect(instancesMean).toBeLessThan(4);
    expect(utilization).toBeLessThanOrEqual(1);
  });
});

describe("an instance that finishes what it has", () => {
  test("takes nothing new, works off its queue, and counts as used as long as it does", () => {
    const model = replayed([0, 0, 0, 0, 200], { api: { concurrency: 1, serviceTime: constant(100) } });
    const finish = { kind: "down", component: "api", instances: [0], inFlight: "finish", isNoticed: true } as const;
    const results = run(model, [[50, finish]], 400).results();
    expect(results).toMatchObject({ completed: 4, failed: 1 });
    expect(resultsOfComponent(results, "api")).toMatchObject({ utilization: 1, instancesMean: 50 / 400 });
  });
});
