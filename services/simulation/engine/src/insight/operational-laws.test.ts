import { describe, expect, test } from "vitest";
import type { Architecture } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { closed, component, constant, exponential, link, poisson, simulate, singleStation } from "../scenario.ts";
import { operationalLawsOf } from "./operational-laws.ts";

const seeds = Array.from({ length: 20 }, (_, index) => 500 + index);

function lawsOf(architecture: Architecture, durationMs: number, warmupMs = 1000) {
  const runs = seeds.map((seed) => simulate(architecture, { seed, durationMs, warmupMs }).results());
  return operationalLawsOf(compileModel(architecture), runs);
}

/** Three disks and users, as in Lazowska: demands 0.605, 2.1 and 1.35 s. */
const disks = (users: number): Architecture => ({
  components: [
    component("client", "client"),
    component("cpu", "service", { serviceTime: constant(605) }),
    component("disk1", "database", { serviceTime: constant(2100) }),
    component("disk2", "database", { serviceTime: constant(1350) }),
  ],
  links: [link("client", "cpu"), link("client", "disk1"), link("client", "disk2")],
  workloads: [closed("client", users, 15_000)],
});

describe("operational laws", () => {
  test("finds the demand of each component, and that U = X·S holds", () => {
    const architecture = {
      components: [
        component("client", "client"),
        component("api", "service", { concurrency: 20, serviceTime: exponential(5) }),
        component("db", "database", { concurrency: 2, serviceTime: exponential(10) }),
      ],
      links: [link("client", "api"), link("api", "db", { callsPerRequest: 2 })],
      workloads: [poisson("client", 50)],
    };
    const laws = lawsOf(architecture, 21_000);
    const [api, db] = laws.components;
    expect(api?.workDemandMs).toBeCloseTo(5, 0);
    expect((db?.demandMs ?? 0) / 20).toBeCloseTo(1, 1);
    expect(db?.visitsPerRequest).toBeCloseTo(2, 1);
    // The slot is held for the work, and for two visits with their waits.
    expect(api?.demandMs).toBeGreaterThan(25);
    expect(laws.components.map(({ check }) => check.agrees)).toEqual([true, true]);
    expect(laws.limitingComponent).toBe("db");
    expect((laws.headroom ?? 0) / 2).toBeCloseTo(1, 1);
    expect(laws.openPerSecond).toBeCloseTo(50, 9);
    expect(laws.maximumRatePerSecond).toBeCloseTo(50, 9);
    expect(db?.message).toMatch(
      /^db: a request holds its 2 slots for 2\d?\.?\d* ms .* so at most \d+(\.\d)? requests\/s pass/,
    );
  });

  test("says so when the work done is not what the model states", () => {
    const runs = seeds.map((seed) =>
      simulate(singleStation(50, { serviceTime: exponential(10) }), {
        seed,
        durationMs: 21_000,
        warmupMs: 1000,
      }).results(),
    );
    const other = compileModel(singleStation(50, { serviceTime: exponential(11) }));
    expect(operationalLawsOf(other, runs).components[0]?.check).toMatchObject({ agrees: false });
  });

  test.each([
    [3, (1000 * 3) / 19_055],
    [20, 1 / 2.1],
  ])("bounds %i closed users by min(1/Dmax, N/(D+Z))", (users, boundPerSecond) => {
    const laws = lawsOf(disks(users), 1_100_000, 100_000);
    expect(laws.maximumRatePerSecond / boundPerSecond).toBeCloseTo(1, 2);
    expect(laws.ratePerSecond).toBeLessThan(laws.maximumRatePerSecond * (1 + 1e-9));
    expect((laws.closed[0]?.saturationUsers ?? 0) / 9.074).toBeCloseTo(1, 2);
    expect(laws.limitingComponent).toBe("disk1");
  });

  test("gives an overloaded or shedding component a headroom below 1", () => {
    const growing = lawsOf(singleStation(120, { serviceTime: constant(10) }), 11_000);
    expect(growing.headroom).toBeCloseTo(1 / 1.2, 2);
    const shedding = lawsOf(singleStation(150, { serviceTime: constant(10), queueCapacity: 5 }), 11_000);
    expect(shedding.headroom).toBeCloseTo(1 / 1.5, 1);
  });

  test("takes the callee for the limit when its callers are full because of it", () => {
    const architecture = {
      components: [
        component("client", "client"),
        component("pool", "service", { concurrency: 5 }),
        component("db", "database", { serviceTime: exponential(10) }),
      ],
      links: [link("client", "pool"), link("pool", "db")],
      workloads: [poisson("client", 130)],
    };
    expect(lawsOf(architecture, 11_000, 5000).limitingComponent).toBe("db");
  });

  test("knows no limit where no slot was held, and needs a run", () => {
    const idle = lawsOf(singleStation(0, {}), 2000);
    expect(idle).toMatchObject({ ratePerSecond: 0, maximumRatePerSecond: 0 });
    expect(idle.limitingComponent).toBeUndefined();
    expect(() => operationalLawsOf(compileModel(singleStation(1, {})), [])).toThrow(RangeError);
  });
});

describe("operational laws of shared cores", () => {
  const station = singleStation(140, { concurrency: 64, cpus: 2, serviceTime: exponential(10) });

  test("measure the time of the cores, and bound the rate by it", () => {
    const [demand] = lawsOf(station, 11_000).components;
    expect((demand?.workDemandMs ?? 0) / 10).toBeCloseTo(1, 1);
    expect(demand?.demandMs).toBeGreaterThan(15);
    expect((demand?.maximumRatePerSecond ?? 0) / 200).toBeCloseTo(1, 1);
    expect(demand?.utilization).toBeCloseTo(0.7, 1);
    expect(demand?.check).toMatchObject({ agrees: true, expected: expect.closeTo(0.7, 1) });
    expect(demand?.message).toMatch(/its 64 slots for \d+\.\d ms \(of which its 2 cores work (10|9\.\d+) ms\)/);
  });

  test("know that workloads are not equally much work", () => {
    const workloads = [{ ...poisson("client", 140), workFactor: 0.5 }];
    expect(lawsOf({ ...station, workloads }, 11_000).components[0]?.check.agrees).toBe(true);
  });
});
