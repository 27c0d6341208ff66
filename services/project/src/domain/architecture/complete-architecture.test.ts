import { describe, expect, it } from "vitest";
import {
  COMPONENT_KINDS,
  COMPONENT_LIMITS,
  LINK_LIMITS,
  type PartialArchitecture,
  WORKLOAD_LIMITS,
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
    const { architecture } = completeArchitecture({
      components: [
        { id: "a", kind: "cache", serviceTime: { kind: "constant" } },
        { id: "b", kind: "cache", serviceTime: { kind: "lognormal", meanMs: 7 } },
      ],
    });
    expect(architecture.components.map(({ serviceTime }) => serviceTime)).toEqual([
      { kind: "constant", meanMs: 1, cv: 0 },
      { kind: "lognormal", meanMs: 7, cv: 1 },
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
