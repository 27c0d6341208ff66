import { describe, expect, it } from "vitest";
import {
  COMPONENT_KINDS,
  COMPONENT_LIMITS,
  LINK_LIMITS,
  type PartialArchitecture,
  type PartialDistribution,
  type PartialWorkload,
  WORKLOAD_LIMITS,
  WORKLOAD_SHAPE_LIMITS,
} from "./architecture.ts";
import { COMPONENT_DEFAULTS, LINK_DEFAULTS, WORKLOAD_DEFAULTS } from "./architecture-defaults.ts";
import { completeArchitecture } from "./complete-architecture.ts";

const base = {
  components: [
    { id: "people", kind: "client" },
    { id: "api", kind: "service" },
    { id: "db", kind: "database" },
  ],
  links: [
    { from: "people", to: "api" },
    { from: "api", to: "db" },
  ],
  workloads: [{ component: "people" }],
} satisfies PartialArchitecture;

const point = (upToMs: number, weight = 1) => ({ upToMs, weight });

describe("completeArchitecture", () => {
  it("fills every absent field from the defaults of the kind", () => {
    for (const kind of COMPONENT_KINDS) {
      const { architecture, problems } = completeArchitecture({ components: [{ id: "a", kind }] });
      expect(problems).toEqual([]);
      expect(architecture.components).toEqual([{ id: "a", kind, name: "a", image: "", ...COMPONENT_DEFAULTS[kind] }]);
    }
    const { architecture, problems } = completeArchitecture(base);
    expect(problems).toEqual([]);
    expect(architecture.links[1]).toEqual({ id: "api->db", from: "api", to: "db", ...LINK_DEFAULTS });
    expect(architecture.workloads).toEqual([{ id: "people-1", component: "people", ...WORKLOAD_DEFAULTS }]);
  });

  it("keeps every given value and refuses values beyond each limit, naming field and limit", () => {
    const limits = [
      ...Object.entries(COMPONENT_LIMITS).map(([field, limit]) => ["components[1]", field, limit] as const),
      ...Object.entries(LINK_LIMITS).map(([field, limit]) => ["links[1]", field, limit] as const),
      ...Object.entries(WORKLOAD_LIMITS).map(([field, limit]) => ["workloads[0]", field, limit] as const),
      ...Object.entries(WORKLOAD_SHAPE_LIMITS).map(([field, limit]) => ["workloads[0]", field, limit] as const),
    ];
    for (const [path, field, limit] of limits) {
      const withValue = (value: number) => {
        const given = structuredClone(base) as unknown as Record<string, Record<string, unknown>[]>;
        const [, section, index] = /^(\w+)\[(\d)\]$/.exec(path) as unknown as [string, string, string];
        (given[section]?.[Number(index)] as Record<string, unknown>)[field] = value;
        return completeArchitecture(given as PartialArchitecture);
      };
      for (const good of [limit.min, limit.max]) expect(withValue(good).problems, `${path}.${field}`).toEqual([]);
      const bad = [
        limit.min - 1,
        limit.max + 1,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        ...(limit.integer ? [limit.min + 0.5] : []),
      ];
      for (const value of bad) {
        const [problem] = withValue(value).problems;
        expect(problem?.field).toBe(`${path}.${field}`);
        expect(problem?.message).toContain(`from ${limit.min} to ${limit.max}`);
      }
    }
  });

  it("refuses distributions outside their limits", () => {
    const { problems } = completeArchitecture({
      components: [
        { id: "a", kind: "service", serviceTime: { kind: "weibull", meanMs: 600_001, cv: -1 } },
        { id: "b", kind: "service" },
      ],
      links: [{ from: "a", to: "b", latency: { meanMs: 60_001, cv: 101 } }],
    });
    expect(problems.map(({ field }) => field)).toEqual([
      "components[0].serviceTime.kind",
      "components[0].serviceTime.meanMs",
      "components[0].serviceTime.cv",
      "links[0].latency.meanMs",
      "links[0].latency.cv",
    ]);
  });

  it("gives a kind of distribution that comes without cv its natural one", () => {
    const { architecture, problems } = completeArchitecture({
      components: [
        { id: "a", kind: "cache", serviceTime: { kind: "constant" } },
        { id: "b", kind: "cache", serviceTime: { kind: "lognormal", meanMs: 7 } },
        { id: "c", kind: "cache", serviceTime: { kind: "erlang" } },
        { id: "d", kind: "cache", serviceTime: { kind: "hyperexponential" } },
      ],
    });
    expect(problems).toEqual([]);
    expect(architecture.components.map(({ serviceTime }) => serviceTime)).toEqual([
      { kind: "constant", meanMs: 1, cv: 0 },
      { kind: "lognormal", meanMs: 7, cv: 1 },
      { kind: "erlang", meanMs: 1, cv: 0.5 },
      { kind: "hyperexponential", meanMs: 1, cv: 2 },
    ]);
  });

  it("fills the tail of a pareto distribution and derives the mean of an empirical one", () => {
    const points = [
      { upToMs: 10, weight: 30 },
      { upToMs: 30, weight: 10 },
    ];
    const { architecture, problems } = completeArchitecture({
      components: [
        { id: "a", kind: "service", serviceTime: { kind: "pareto", meanMs: 4 } },
        { id: "b", kind: "service", serviceTime: { kind: "pareto", meanMs: 4, tailIndex: 2, maxMs: 5 } },
        { id: "c", kind: "service", serviceTime: { kind: "empirical", meanMs: 99, points } },
      ],
    });
    expect(problems).toEqual([]);
    expect(architecture.components.map(({ serviceTime }) => serviceTime)).toEqual([
      { kind: "pareto", meanMs: 4, cv: 1, tailIndex: 1.5, maxMs: 4000 },
      { kind: "pareto", meanMs: 4, cv: 1, tailIndex: 2, maxMs: 5 },
      { kind: "empirical", meanMs: 8.75, cv: 1, points },
    ]);
  });

  it.each<[string, PartialDistribution, string, string]>([
    ["a calm hyperexponential", { kind: "hyperexponential", cv: 0.5 }, "cv", "must be at least 1 when the kind"],
    ["a wild erlang", { kind: "erlang", cv: 1.5 }, "cv", "must be at most 1 when the kind is erlang, not 1.5"],
    ["a tail index of 0", { kind: "pareto", tailIndex: 0 }, "tailIndex", "from 0.1 to 100, not 0"],
    ["a maximum at the mean", { kind: "pareto", meanMs: 5, maxMs: 5 }, "maxMs", "must be above the mean, 5, not 5"],
    ["a maximum beyond a week", { kind: "pareto", maxMs: 6.1e8 }, "maxMs", "from 0 to 600000000"],
    ["no points", { kind: "empirical" }, "points", "must have at least one point"],
    [
      "descending points",
      { kind: "empirical", points: [point(2), point(2)] },
      "points",
      "1 has an upToMs of 2 after 2",
    ],
    ["a negative weight", { kind: "empirical", points: [point(2, -1)] }, "points[0].weight", "from 0 to 1000000000000"],
    ["an endless point", { points: [point(Number.NaN)] }, "points[0].upToMs", "from 0 to 600000000, not NaN"],
    ["weights of 0", { kind: "empirical", points: [point(2, 0)] }, "points", "must have a weight above 0"],
    ["too long a mean", { kind: "empirical", points: [point(2e6)] }, "points", "at most 600000 ms, not 1000000"],
    [
      "too many points",
      { kind: "empirical", points: Array.from({ length: 1001 }, (_, index) => point(index)) },
      "points",
      "at most 1000 are allowed, not 1001",
    ],
  ])("refuses a distribution with %s", (_name, serviceTime, field, message) => {
    const { problems } = completeArchitecture({ components: [{ id: "a", kind: "service", serviceTime }] });
    expect(problems).toEqual([
      { field: `components[0].serviceTime.${field}`, message: expect.stringContaining(message) },
    ]);
  });

  it.each<[PartialWorkload, object]>([
    [
      { component: "people", kind: "bursty" },
      { burstFactor: 5, burstMs: 1000, burstShare: 0.1 },
    ],
    [
      { component: "people", kind: "bursty", burstShare: 0.02 },
      { burstFactor: 5, burstMs: 1000, burstShare: 0.02 },
    ],
    [
      { component: "people", kind: "diurnal" },
      { amplitude: 0.5, periodMs: 86_400_000 },
    ],
    [
      { component: "people", kind: "ramp", ratePerSecond: 7 },
      { ratePerSecond: 7, toRatePerSecond: 14, startMs: 0, lengthMs: 60_000 },
    ],
    [
      { component: "people", kind: "spike", startMs: 5 },
      { startMs: 5, lengthMs: 60_000, spikeFactor: 3 },
    ],
    [{ component: "people", kind: "batch" }, { batchSize: 10 }],
    [{ component: "people", kind: "replay", arrivalsMs: [0, 0, 2.5] }, { arrivalsMs: [0, 0, 2.5] }],
    [
      { component: "people", kind: "poisson", amplitude: 0.1, arrivalsMs: [1] },
      { amplitude: 0.1, arrivalsMs: [1] },
    ],
  ])("gives a workload the fields of its kind and keeps those of others: %j", (workload, shape) => {
    const { architecture, problems } = completeArchitecture({ ...base, workloads: [workload] });
    expect(problems).toEqual([]);
    const { kind } = workload;
    expect(architecture.workloads).toEqual([
      { id: "people-1", component: "people", ...WORKLOAD_DEFAULTS, ...(kind === undefined ? {} : { kind }), ...shape },
    ]);
  });

  it.each<[string, Partial<PartialWorkload>, string, string]>([
    [
      "bursts of more than all",
      { kind: "bursty", burstFactor: 5, burstShare: 0.25 },
      "burstShare",
      "which is 0.2, not",
    ],
    [
      "more in bursts than by default",
      { kind: "bursty", burstFactor: 20 },
      "burstShare",
      "at most 1 ÷ burstFactor (20)",
    ],
    ["half a batch", { kind: "batch", batchSize: 2.5 }, "batchSize", "whole number from 1 to 10000, not 2.5"],
    ["no length", { kind: "spike", lengthMs: 0 }, "lengthMs", "from 1 to 604800000, not 0"],
    ["nothing to replay", { kind: "replay" }, "arrivalsMs", "at least one arrival"],
    ["arrivals that descend", { kind: "replay", arrivalsMs: [1, 3, 2] }, "arrivalsMs", "2 is 2 after 3"],
    ["an arrival at no time", { kind: "replay", arrivalsMs: [Number.NaN] }, "arrivalsMs", "but 0 is NaN"],
    ["a record too long", { arrivalsMs: Array(100_001).fill(1) }, "arrivalsMs", "at most 100000 arrivals, not 100001"],
  ])("refuses a workload with %s", (_name, workload, field, message) => {
    const { problems } = completeArchitecture({ ...base, workloads: [{ component: "people", ...workload }] });
    expect(problems).toEqual([{ field: `workloads[0].${field}`, message: expect.stringContaining(message) }]);
  });

  it("counts the arrivals of all workloads together", () => {
    const arrivalsMs = Array(60_000).fill(1);
    const workloads = [1, 2].map(() => ({ component: "people", kind: "replay", arrivalsMs }));
    const { problems } = completeArchitecture({ ...base, workloads });
    expect(problems).toEqual([
      { field: "workloads[1].arrivalsMs", message: expect.stringContaining("at most 40000 arrivals, not 60000") },
    ]);
  });

  it("reports ids that are malformed, taken or unknown", () => {
    const { problems } = completeArchitecture({
      components: [
        { id: "API", kind: "service" },
        { id: "a", kind: "service" },
        { id: "a", kind: "services" },
        { id: "c", kind: "client" },
      ],
      links: [
        { id: "x", from: "a", to: "nobody" },
        { id: "x", from: "a", to: "a" },
        { from: "a", to: "c" },
      ],
      workloads: [{ component: "a" }, { component: "nobody" }],
    });
    expect(problems.map(({ field }) => field)).toEqual([
      "components[0].id",
      "components[2].id",
      "components[2].kind",
      "links[0].to",
      "links[1].id",
      "links[1].to",
      "links[2].to",
      "workloads[0].component",
      "workloads[1].component",
    ]);
  });

  it("names a cycle of calls", () => {
    const { problems } = completeArchitecture({
      components: ["a", "b", "c", "d"].map((id) => ({ id, kind: "service" })),
      links: [
        { from: "a", to: "b" },
        { from: "b", to: "c" },
        { from: "c", to: "d" },
        { from: "d", to: "b" },
      ],
    });
    expect(problems).toEqual([
      { field: "links", message: "calls must not form a cycle, but these do: b -> c -> d -> b" },
    ]);
  });

  it("refuses more components, links and workloads than an architecture may have", () => {
    const many = completeArchitecture({
      components: Array.from({ length: 501 }, (_, index) => ({ id: `c${index}`, kind: "service" })),
      links: Array.from({ length: 2001 }, () => ({ from: "c0", to: "c1" })),
      workloads: Array.from({ length: 101 }, () => ({ component: "c0" })),
    });
    expect(many.problems).toEqual([
      { field: "components", message: "at most 500 are allowed, not 501" },
      { field: "links", message: "at most 2000 are allowed, not 2001" },
      { field: "workloads", message: "at most 100 are allowed, not 101" },
    ]);
  });

  it("numbers the ids of parallel links and of several workloads", () => {
    const { architecture, problems } = completeArchitecture({
      ...base,
      links: [...base.links, { from: "api", to: "db" }, { id: "api->db#2", from: "api", to: "db" }],
      workloads: [{ component: "people" }, { component: "people" }],
    });
    expect(problems).toEqual([]);
    expect(architecture.links.map(({ id }) => id)).toEqual(["people->api", "api->db", "api->db#3", "api->db#2"]);
    expect(architecture.workloads.map(({ id }) => id)).toEqual(["people-1", "people-2"]);
  });
});
