import { describe, expect, test } from "vitest";
import type { Architecture } from "./architecture.ts";
import { component, constant, exponential, link, poisson, simulate, singleStation } from "./scenario.ts";

const bottlenecksOf = (architecture: Architecture) =>
  simulate(architecture, { durationMs: 120_000, warmupMs: 10_000 }).results().bottlenecks;

/** client → api (many slots) → db (one slot of 10 ms), at this rate. */
function apiAndDatabase(ratePerSecond: number, apiSlots = 50, queueCapacity = 1_000_000): Architecture {
  return {
    components: [
      component("client", "client"),
      component("api", "service", { concurrency: apiSlots, serviceTime: exponential(5), queueCapacity }),
      component("db", "database", { serviceTime: exponential(10), queueCapacity }),
    ],
    links: [link("client", "api"), link("api", "db")],
    workloads: [poisson("client", ratePerSecond)],
  };
}

describe("findBottlenecks", () => {
  test("tells a queue that grows from one that is merely busy", () => {
    const [growing] = bottlenecksOf(singleStation(120, { serviceTime: exponential(10) }));
    expect(growing).toMatchObject({ component: "station", reason: "growing-queue" });
    expect(growing?.headroom).toBeCloseTo(1 / 1.2, 1);
    expect(growing?.message).toMatch(/the queue grew from \d+ to \d{4} \(mean \d{4}\)/);
    const [busy] = bottlenecksOf(singleStation(85, { serviceTime: exponential(10) }));
    expect(busy).toMatchObject({ component: "station", reason: "highest-demand" });
    expect(busy?.headroom).toBeCloseTo(1 / 0.85, 1);
  });

  test("calls a station that sheds saturated, and says how much load it is offered", () => {
    const [first] = bottlenecksOf(singleStation(150, { serviceTime: exponential(10), queueCapacity: 5 }));
    expect(first).toMatchObject({ component: "station", reason: "saturated" });
    expect(first?.headroom).toBeCloseTo(1 / 1.5, 1);
    expect(first?.message).toMatch(/% of the arrivals shed/);
  });

  test("names the cause before the caller whose slots wait for it", () => {
    const found = bottlenecksOf(apiAndDatabase(130, 50, 200));
    expect(found.map((one) => one.component)).toEqual(["db", "api"]);
    expect(found[1]?.message).toMatch(/the slots wait for calls, held up by db/);
  });

  test("blames a pool that is too small when what it waits for has room", () => {
    const architecture = {
      components: [
        component("client", "client"),
        component("pool", "service", { concurrency: 5 }),
        component("api", "external", { concurrency: 1000, serviceTime: constant(100) }),
      ],
      links: [link("client", "pool"), link("pool", "api")],
      workloads: [poisson("client", 70)],
    };
    const found = bottlenecksOf(architecture);
    expect(found.map(({ component, reason }) => [component, reason])).toEqual([["pool", "growing-queue"]]);
    expect(found[0]?.message).toMatch(/100.0 % of that time the slots wait for calls downstream/);
  });

  test("puts the station where requests wait before the one with more utilization", () => {
    const architecture = {
      components: [
        component("client", "client"),
        component("wide", "service", { concurrency: 100, serviceTime: constant(1030) }),
        component("narrow", "database", { serviceTime: exponential(10) }),
      ],
      links: [link("client", "wide"), link("client", "narrow")],
      workloads: [poisson("client", 88)],
    };
    const found = bottlenecksOf(architecture);
    expect(found.map(({ component, reason }) => [component, reason])).toEqual([
      ["narrow", "highest-demand"],
      ["wide", "highest-demand"],
    ]);
    expect(found[0]?.utilization).toBeLessThan(found[1]?.utilization ?? 0);
    expect(found[0]?.message).toMatch(/requests wait \d+(\.\d+)? ms for a slot, \d+\.\d % of the time/);
  });

  test("counts no queue as a wait that no client waits for", () => {
    const architecture = {
      components: [
        component("client", "client"),
        component("api", "service", { serviceTime: constant(10) }),
        component("log", "service", { concurrency: 1000 }),
        component("disk", "database", { serviceTime: exponential(11) }),
      ],
      links: [link("client", "api"), link("api", "log", { asynchronous: true }), link("log", "disk")],
      workloads: [poisson("client", 80)],
    };
    // More messages wait at the disk than there are requests in the api, but the log alone waits for them.
    const found = bottlenecksOf(architecture);
    expect(found.map((one) => one.component)).toEqual(["api", "disk"]);
    expect(found[0]?.message).toMatch(/requests wait \d+(\.\d+)? ms for a slot, \d+\.\d % of the time/);
    expect(found[1]?.message).toMatch(/requests wait \d+(\.\d+)? ms for a slot, for which no client waits$/);
  });

  test("has nothing to say about a system without load", () => {
    expect(bottlenecksOf(singleStation(0, {}))).toEqual([]);
  });
});

describe("findBottlenecks with shared cores", () => {
  test("names the cores, which are full before the slots are", () => {
    const [first] = bottlenecksOf(singleStation(230, { concurrency: 10_000, cpus: 2, serviceTime: exponential(10) }));
    expect(first).toMatchObject({ component: "station", reason: "saturated", utilization: expect.closeTo(1, 2) });
    expect(first?.message).toMatch(/^station: its 2 cores are (99\.\d|100\.0) % busy/);
  });
});
