import { describe, expect, test } from "vitest";
import type { Architecture } from "./architecture.ts";
import { estimateEvents } from "./estimate-events.ts";
import { compileModel } from "./model.ts";
import { ModelError } from "./model-error.ts";
import { closed, component, constant, link, poisson, simulate, singleStation } from "./scenario.ts";

function issuesOf(architecture: Architecture, load = 1) {
  try {
    compileModel(architecture, { load });
  } catch (error) {
    if (error instanceof ModelError) return error.issues;
    throw error;
  }
  return [];
}

const valid = singleStation(10, {});

describe("compileModel", () => {
  test("turns ids into indices and keeps the order", () => {
    const model = compileModel(valid, { load: 3 });
    expect(model.links[0]).toMatchObject({ from: 0, to: 1, isAwaited: true });
    expect(model.workloads[0]).toMatchObject({ client: 0 });
    expect(model).toMatchObject({ load: 3, callOrder: [0, 1] });
  });

  test.each([
    ["an unknown component", { links: [link("client", "nowhere")] }, "to", /names "nowhere"/],
    ["a link to a client", { links: [link("client", "station"), link("station", "client")] }, "to", /never called/],
    ["a link to itself", { links: [link("client", "station"), link("station", "station")] }, "to", /to itself/],
    ["no workload", { workloads: [] }, "workloads", /no workload/],
    ["a client that calls nothing", { links: [] }, "links", /no outgoing link/],
    ["a workload on a service", { workloads: [poisson("station", 1)] }, "component", /only clients/],
    ["a workload on nothing", { workloads: [poisson("ghost", 1)] }, "component", /no component/],
    ["a repeated link", { links: [link("client", "station"), link("client", "station")] }, "id", /two links/],
    [
      "too many retries",
      { links: [link("client", "station", { retries: 11 })] },
      "retries",
      /is 11; allowed is 0 to 10/,
    ],
    ["NaN", { links: [link("client", "station", { timeoutMs: Number.NaN })] }, "timeoutMs", /is NaN/],
    ["half a user", { workloads: [closed("client", 1.5, 0)] }, "users", /whole numbers/],
  ] as const)("refuses %s and says where", (_, change, field, message) => {
    const issues = issuesOf({ ...valid, ...change });
    expect(issues).toContainEqual(expect.objectContaining({ field, message: expect.stringMatching(message) }));
  });

  test("refuses a balancer that cannot choose", () => {
    const balancer = component("balancer", "load_balancer");
    const links = [link("client", "balancer"), link("balancer", "station", { weight: 0 })];
    const issues = issuesOf({ ...valid, components: [...valid.components, balancer], links });
    expect(issues).toEqual([expect.objectContaining({ component: "balancer", field: "weight" })]);
  });

  test("names the cycle", () => {
    const components = [...valid.components, component("b", "service"), component("c", "service")];
    const links = [link("client", "station"), link("station", "b"), link("b", "c"), link("c", "station")];
    expect(issuesOf({ ...valid, components, links })).toEqual([
      expect.objectContaining({
        field: "links",
        message: expect.stringMatching(/station → b → c → station|b → c → station → b|c → station → b → c/),
      }),
    ]);
  });

  test("reports everything at once, and a load that multiplies beyond the limits", () => {
    const broken = singleStation(10, { instances: 0, errorRatio: 2, serviceTime: constant(-1) });
    expect(issuesOf(broken).map((issue) => issue.field)).toEqual(["instances", "errorRatio", "serviceTime.meanMs"]);
    expect(issuesOf(singleStation(1_000_000, {}), 100)).toEqual([expect.objectContaining({ field: "ratePerSecond" })]);
    expect(issuesOf(valid, -1)).toEqual([expect.objectContaining({ field: "load" })]);
  });
});

describe("estimateEvents", () => {
  test("comes close to what a run without congestion processes", () => {
    const architecture = {
      components: [
        component("client", "client"),
        component("api", "service", { concurrency: 100, serviceTime: constant(1) }),
        component("cache", "cache", { concurrency: 100, hitRatio: 0.8 }),
        component("db", "database", { concurrency: 100, errorRatio: 0.2 }),
      ],
      links: [
        link("client", "api"),
        link("api", "cache", { callsPerRequest: 2.5 }),
        link("cache", "db", { retries: 2 }),
      ],
      workloads: [poisson("client", 100)],
    };
    const { events } = simulate(architecture, { durationMs: 60_000 }).results();
    expect(estimateEvents(compileModel(architecture), 60_000) / events).toBeCloseTo(1, 1);
  });

  test("grows without bound rather than overflowing silently", () => {
    const ids = Array.from({ length: 200 }, (_, index) => `s${index}`);
    const architecture = {
      components: [component("client", "client"), ...ids.map((id) => component(id, "service"))],
      links: ["client", ...ids]
        .slice(0, -1)
        .map((from, index) => link(from, ids[index] ?? "", { callsPerRequest: 100 })),
      workloads: [poisson("client", 1)],
    };
    expect(estimateEvents(compileModel(architecture), 1000)).toBe(Number.POSITIVE_INFINITY);
  });
});
