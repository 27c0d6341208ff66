import { describe, expect, it } from "vitest";
import type { PartialArchitecture } from "./architecture.ts";
import { analyseArchitecture } from "./architecture-summary.ts";
import { completeArchitecture } from "./complete-architecture.ts";

function analyse(partial: PartialArchitecture) {
  const { architecture, problems } = completeArchitecture(partial);
  expect(problems).toEqual([]);
  const summary = analyseArchitecture(architecture);
  return { ...summary, load: Object.fromEntries(summary.loads.map((load) => [load.id, load])) };
}

const constant = (meanMs: number) => ({ kind: "constant", meanMs });

describe("analyseArchitecture", () => {
  it("follows rates through services, caches, load balancers and queues", () => {
    const { load, depth, entryPoints, countByKind } = analyse({
      components: [
        { id: "people", kind: "client" },
        { id: "lb", kind: "load_balancer" },
        { id: "a", kind: "service" },
        { id: "b", kind: "service" },
        { id: "cache", kind: "cache", hitRatio: 0.75 },
        { id: "db", kind: "database" },
        { id: "queue", kind: "queue" },
        { id: "worker", kind: "service" },
      ],
      links: [
        { from: "people", to: "lb" },
        { from: "lb", to: "a", weight: 3 },
        { from: "lb", to: "b", weight: 1 },
        { from: "a", to: "cache", callsPerRequest: 2 },
        { from: "cache", to: "db" },
        { from: "b", to: "queue" },
        { from: "queue", to: "worker" },
      ],
      workloads: [{ component: "people", ratePerSecond: 100 }],
    });
    const rates = Object.fromEntries(Object.entries(load).map(([id, { ratePerSecond }]) => [id, ratePerSecond]));
    expect(rates).toEqual({ people: 100, lb: 100, a: 75, b: 25, cache: 150, db: 37.5, queue: 25, worker: 25 });
    expect(load.db?.visitRatio).toBe(0.375);
    expect(depth).toBe(4);
    expect(entryPoints).toEqual(["lb"]);
    expect(countByKind).toMatchObject({ client: 1, service: 3, external: 0 });
  });

  it("counts slots as held while calls are waited for, up to their timeout", () => {
    const { load, bottleneck, headroom } = analyse({
      components: [
        { id: "people", kind: "client" },
        { id: "api", kind: "service", instances: 2, concurrency: 5, serviceTime: constant(10) },
        { id: "slow", kind: "external", serviceTime: constant(89) },
        { id: "stuck", kind: "external", serviceTime: constant(5000) },
        { id: "log", kind: "service", serviceTime: constant(40) },
      ],
      links: [
        { from: "people", to: "api" },
        { from: "api", to: "slow", latency: constant(1) },
        { from: "api", to: "stuck", latency: constant(0), timeoutMs: 100 },
        { from: "api", to: "log", asynchronous: true },
      ],
      workloads: [{ component: "people", kind: "constant", ratePerSecond: 20 }],
    });
    // 20 a second hold 10 + 90 + 100 ms each on ten slots.
    expect(load.api?.utilization).toBeCloseTo(0.4);
    expect(load.api?.workUtilization).toBeCloseTo(0.02);
    expect(bottleneck).toBe("api");
    expect(headroom).toBeCloseTo(2.5);
  });

  it("waits for the slowest of parallel calls only", () => {
    const components = [
      { id: "people", kind: "client" },
      { id: "api", kind: "service", concurrency: 10, serviceTime: constant(0) },
      { id: "a", kind: "service", serviceTime: constant(30) },
      { id: "b", kind: "service", serviceTime: constant(70) },
    ];
    const links = [
      { from: "people", to: "api" },
      { from: "api", to: "a", latency: constant(0) },
      { from: "api", to: "b", latency: constant(0) },
    ];
    const workloads = [{ component: "people", ratePerSecond: 10 }];
    const sequential = analyse({ components, links, workloads });
    const parallel = analyse({
      components: components.map((each) => ({ ...each, fanOut: "parallel" })),
      links,
      workloads,
    });
    expect(sequential.load.api?.utilization).toBeCloseTo(0.1);
    expect(parallel.load.api?.utilization).toBeCloseTo(0.07);
  });

  it("gives closed workloads the rate their users reach at best", () => {
    const { offeredRatePerSecond } = analyse({
      components: [
        { id: "people", kind: "client" },
        { id: "api", kind: "service", serviceTime: constant(190) },
      ],
      links: [{ from: "people", to: "api", latency: constant(10) }],
      workloads: [{ component: "people", kind: "closed", users: 60, thinkTimeMs: 1000 }],
    });
    expect(offeredRatePerSecond).toBeCloseTo(50);
  });

  it("gives a ramp the rate of its end, and a replay the rate of its record", () => {
    const { offeredRatePerSecond } = analyse({
      components: [
        { id: "people", kind: "client" },
        { id: "api", kind: "service" },
      ],
      links: [{ from: "people", to: "api" }],
      workloads: [
        { component: "people", kind: "ramp", ratePerSecond: 10, toRatePerSecond: 300 },
        { component: "people", kind: "replay", arrivalsMs: [0, 100, 400, 500] },
        { component: "people", kind: "bursty", ratePerSecond: 20 },
      ],
    });
    expect(offeredRatePerSecond).toBeCloseTo(328);
  });

  it("names single instances that every workload waits for", () => {
    const { singlePointsOfFailure } = analyse({
      components: [
        { id: "web", kind: "client" },
        { id: "app", kind: "client" },
        { id: "site", kind: "service" },
        { id: "api", kind: "service", instances: 2 },
        { id: "db", kind: "database" },
        { id: "queue", kind: "queue" },
        { id: "worker", kind: "service" },
        { id: "bank", kind: "external" },
      ],
      links: [
        { from: "web", to: "site" },
        { from: "site", to: "api" },
        { from: "app", to: "api" },
        { from: "api", to: "db" },
        { from: "api", to: "bank" },
        { from: "api", to: "queue" },
        { from: "queue", to: "worker" },
      ],
      workloads: [{ component: "web" }, { component: "app" }],
    });
    expect(singlePointsOfFailure).toEqual(["db", "queue"]);
  });

  it("says little about an empty architecture, and nothing that is not so", () => {
    expect(analyse({})).toMatchObject({
      componentCount: 0,
      depth: 0,
      entryPoints: [],
      singlePointsOfFailure: [],
      offeredRatePerSecond: 0,
      bottleneck: undefined,
      headroom: undefined,
    });
  });

  it("counts cores where requests share them, and slots only as long as they are held", () => {
    const { load, bottleneck } = analyse({
      components: [
        { id: "people", kind: "client" },
        {
          id: "api",
          kind: "service",
          instances: 2,
          concurrency: 100,
          cpus: 1,
          serviceTime: constant(4),
          holdsSlot: false,
        },
        { id: "db", kind: "database", concurrency: 10, serviceTime: constant(20) },
      ],
      links: [
        { from: "people", to: "api" },
        { from: "api", to: "db", callsPerRequest: 0.5 },
      ],
      workloads: [{ component: "people", ratePerSecond: 400 }],
    });
    expect(load.api).toMatchObject({ utilization: 0.8, workUtilization: 0.8 });
    expect(load.db?.utilization).toBeCloseTo(0.4);
    expect(bottleneck).toBe("api");
  });
});
