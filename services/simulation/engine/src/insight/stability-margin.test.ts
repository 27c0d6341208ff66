import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { closed, component, exponential, link, poisson } from "../scenario.ts";
import { stabilityMargin } from "./stability-margin.ts";

/** One exponential slot of 100/s, timeout 200 ms. */
function station(ratePerSecond: number, given: Partial<Link> = {}, of: Partial<Component> = {}): Architecture {
  return {
    components: [
      component("client", "client"),
      component("station", "service", { serviceTime: exponential(10), ...of }),
    ],
    links: [link("client", "station", { timeoutMs: 200, ...given })],
    workloads: [poisson("client", ratePerSecond)],
  };
}

function marginsOf(architecture: Architecture) {
  const margin = stabilityMargin(compileModel(architecture));
  if (margin.kind === "not applicable") throw new Error(margin.reason);
  return margin;
}

describe("stabilityMargin", () => {
  test.each([
    [10, 3, 6.3],
    [15, 3, 14.5],
    [20, 3, 39],
    [22, 3, 71.7],
    [50, 0, 9.6],
    [80, 0, 39],
  ])(
    "predicts the recovery of %i requests/s with %i retries from 10 s without service: %f s",
    (rate, retries, seconds) => {
      const [first] = marginsOf(station(rate, { retries })).components;
      expect(first?.amplification).toBeCloseTo(retries + 1, 6);
      expect(first?.boundaryPerSecond).toBeCloseTo(100 / (retries + 1), 4);
      expect(first?.loadToBoundary).toBeCloseTo((rate * (retries + 1)) / 100, 6);
      expect((first?.recoveryMs ?? 0) / 1000).toBeCloseTo(seconds, 1);
      expect(first?.message).toMatch(/an outage of 10 s is over \d+(\.\d+)? s after its end$/);
    },
  );

  test("says that a storm above the boundary never ends, and by when it begins by itself", () => {
    const { components, assumptions } = marginsOf(station(30, { retries: 3 }));
    expect(components[0]).toMatchObject({ loadToBoundary: expect.closeTo(1.2, 4) });
    expect(components[0]?.recoveryMs).toBeUndefined();
    expect(components[0]?.message).toContain("never ends by itself: 30 requests/s are 120.0 % of the boundary");
    expect(components[0]?.spontaneousPerSecond).toBeCloseTo(80.8, 0);
    expect(assumptions[0]).toContain("The work of an expired attempt goes on");
  });

  test.each([
    ["every", [200, 200, 200], 64],
    ["the last", [0, 0, 200], 64],
    ["the middle", [0, 200, 0], 16],
    ["the first", [200, 0, 0], 4],
  ])("multiplies the retries of three layers above a timeout on %s link", (_, timeouts, amplification) => {
    const [first = 0, second = 0, third = 0] = timeouts;
    const { components } = marginsOf({
      components: [
        component("client", "client"),
        component("a", "service", { concurrency: 100 }),
        component("b", "service", { concurrency: 100 }),
        component("c", "service", { serviceTime: exponential(10) }),
      ],
      links: [
        link("client", "a", { retries: 3, timeoutMs: first }),
        link("a", "b", { retries: 3, timeoutMs: second }),
        link("b", "c", { retries: 3, timeoutMs: third }),
      ],
      workloads: [poisson("client", 1)],
    });
    const c = components.find((one) => one.component === "c");
    expect(c?.amplification).toBeCloseTo(amplification, 6);
    expect(c?.boundaryPerSecond).toBeCloseTo(100 / amplification, 4);
  });

  test("counts one of several sequential calls in a storm, and all of parallel ones", () => {
    const calls = { retries: 3, callsPerRequest: 2 };
    expect(marginsOf(station(5, calls)).components[0]?.amplification).toBeCloseTo(2, 6);
    const { components, ...rest } = station(5, calls);
    const parallel = components.map((one) => ({ ...one, fanOut: "parallel" as const }));
    expect(marginsOf({ ...rest, components: parallel }).components[0]?.amplification).toBeCloseTo(4, 6);
  });

  test("counts the calls that a cache lets through", () => {
    const cached = {
      components: [
        component("client", "client"),
        component("cache", "cache", { concurrency: 100, hitRatio: 0.75 }),
        component("db", "database", { serviceTime: exponential(10) }),
      ],
      links: [link("client", "cache"), link("cache", "db", { timeoutMs: 200, retries: 1 })],
      workloads: [poisson("client", 10)],
    };
    expect(marginsOf(cached).components[0]?.boundaryPerSecond).toBeCloseTo(200, 3);
  });

  test("does not apply without timeouts, and says how many links retry all the same", () => {
    const margin = stabilityMargin(compileModel(station(50, { timeoutMs: 0, retries: 2 })));
    expect(margin).toMatchObject({ kind: "not applicable" });
    expect(margin).toHaveProperty(
      "reason",
      expect.stringMatching(/^0 of 1 links have a timeout \(1 retry, on failed answers/),
    );
  });

  test("does not apply to users who wait for their answers", () => {
    const architecture = { ...station(1, { retries: 3 }), workloads: [closed("client", 10, 100)] };
    expect(stabilityMargin(compileModel(architecture))).toHaveProperty(
      "reason",
      expect.stringMatching(/^0 requests\/s/),
    );
  });

  test.each([
    ["a queue that is answered in time", { queueCapacity: 15 }, /15 places per instance\) is answered within 160 ms/],
    ["the newest first", { discipline: "lifo" }, /serves the newest first/],
  ] as const)("does not apply to %s", (_, of, reason) => {
    const margin = stabilityMargin(compileModel(station(50, { retries: 3 }, of)));
    expect(margin).toHaveProperty("reason", expect.stringMatching(reason));
  });
});
