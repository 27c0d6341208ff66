import { describe, expect, it } from "vitest";
import { everyOption } from "../../../tests/any-architecture.ts";
import type { PartialArchitecture, PartialComponent } from "./architecture.ts";
import { completeArchitecture } from "./complete-architecture.ts";
import { importWeft } from "./import-weft.ts";
import { COMPONENT_OPTIONS, LINK_OPTIONS, type OptionRules, optionPaths, WORKLOAD_OPTIONS } from "./option-rules.ts";

type Plain = { [field: string]: unknown };

const sections = [
  ["components", "component", COMPONENT_OPTIONS],
  ["links", "link", LINK_OPTIONS],
  ["workloads", "workload", WORKLOAD_OPTIONS],
] as const;

/** Each number of the rules with its path; those of lists are left out. */
function numbersOf(rules: OptionRules, path = ""): { path: string; limit: { min: number; max: number } }[] {
  return Object.entries(rules).flatMap(([field, rule]) => {
    if (rule.form === "group") return numbersOf(rule.fields, `${path}${field}.`);
    return rule.form === "number" ? [{ path: path + field, limit: rule.limit }] : [];
  });
}

/** Which one of a section has this option in the architecture that has all of them. */
function ownerOf(section: keyof PartialArchitecture, path: string): number {
  return everyOption[section].findIndex((owner) => valueAt(owner, path) !== undefined);
}

function valueAt(owner: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((value, field) => (value as Plain | undefined)?.[field], owner);
}

function withValue(section: keyof PartialArchitecture, path: string, value: unknown) {
  const given = structuredClone(everyOption);
  const index = ownerOf(section, path);
  const fields = path.split(".");
  const last = fields.pop() as string;
  const owner: unknown = given[section][index];
  const holder = (fields.length === 0 ? owner : valueAt(owner, fields.join("."))) as Plain;
  holder[last] = value;
  return { index, problems: completeArchitecture(given).problems };
}

describe("options", () => {
  it("are all known, and valid together", () => {
    for (const [section, owner] of sections) {
      for (const path of optionPaths(owner)) expect(ownerOf(section, path), path).toBeGreaterThanOrEqual(0);
    }
    expect(completeArchitecture(everyOption)).toEqual({ architecture: everyOption, problems: [] });
  });

  it("stay absent where they are absent", () => {
    const { architecture } = completeArchitecture({
      components: [
        { id: "people", kind: "client" },
        { id: "api", kind: "service" },
      ],
      links: [{ from: "people", to: "api" }],
      workloads: [{ component: "people" }],
    });
    for (const [section, , rules] of sections) {
      for (const owner of architecture[section]) {
        expect(Object.keys(owner).filter((field) => Object.hasOwn(rules, field))).toEqual([]);
      }
    }
  });

  it("of a group that is given are filled in, but for those with a default of their own", () => {
    const { architecture, problems } = completeArchitecture({
      components: [
        { id: "a", kind: "cache", cache: { keys: 9, capacity: 3 }, autoscaler: { maxInstances: 4 } },
        { id: "b", kind: "database", locks: { keys: 7 }, rateLimit: { perSecond: 5, burst: 2 }, instanceWeights: [] },
      ],
      links: [{ from: "a", to: "b", breaker: {}, retryBudget: {} }],
    });
    expect(problems).toEqual([]);
    const [a, b] = architecture.components;
    expect(a?.cache).toEqual({ keys: 9, skew: 0.75, capacity: 3, policy: "lru", ttlMs: 0, singleFlight: false });
    expect(a?.autoscaler).toEqual({ minInstances: 1, maxInstances: 4, targetUtilization: 0.8 });
    expect(b).toMatchObject({ locks: { keys: 7, skew: 0, share: 1 }, rateLimit: { perSecond: 5, burst: 2 } });
    expect(b).not.toHaveProperty("instanceWeights");
    expect(architecture.links[0]).toMatchObject({
      breaker: { failures: 5, openMs: 5000 },
      retryBudget: { ratio: 0.2, scope: "client" },
    });
  });

  it("are refused beyond each limit, naming field and limit", () => {
    for (const [section, , rules] of sections) {
      for (const { path, limit } of numbersOf(rules)) {
        for (const value of [limit.min - 1, limit.max + 1, Number.NaN, "many"]) {
          const { index, problems } = withValue(section, path, value);
          expect(
            problems.map(({ field }) => field),
            `${path} ${value}`,
          ).toEqual([`${section}[${index}].${path}`]);
          expect(problems[0]?.message).toContain(`${limit.max}, not`);
        }
      }
    }
  });

  it.each([
    [
      "components",
      "balancing",
      "best",
      "must be one of power_of_two, random, round_robin, least_connections, weighted",
    ],
    ["components", "discipline", "", "must be one of fifo, lifo, priority"],
    ["components", "holdsSlot", "yes", "must be true or false"],
    ["components", "rateLimit", 5, "must be a mapping of perSecond, burst, whenExceeded"],
    ["components", "rateLimit.perSecond", 0, "must be a number above 0 and at most 10000000, not 0"],
    ["components", "rateLimit.burst", undefined, "must be given"],
    ["components", "autoscaler.maxInstances", undefined, "must be given"],
    ["components", "autoscaler.targetUtilization", 0, "must be a number above 0 and at most 1, not 0"],
    ["components", "autoscaler.minInstances", 4, "must be at most the instances, 3, not 4"],
    ["components", "autoscaler.maxInstances", 2, "must be at least the instances, 3, not 2"],
    ["components", "instanceWeights", [1, -1], "must be a number from 0 to 1000, but 1 is -1"],
    ["components", "instanceWeights", [0, 0, 0], "must have one above 0, but all are 0"],
    ["components", "instanceWeights", [1, 1, 1, 1], "must have at most the 3 weights of the instances, not 4"],
    ["components", "choices", 17, "must be a whole number from 2 to 16, not 17"],
    ["components", "cache.ttlMs", 0, "must be above 0 when the policy is ttl"],
    ["links", "bandwidthMbps", 0.0001, "must be 0 or a number from 0.001 to 1000000, not 0.0001"],
    ["links", "retryBudget.scope", "link", "must be one of client, tier"],
    ["workloads", "priority", 1.5, "must be a whole number from 0 to 9, not 1.5"],
  ] as const)("refuse %s[].%s = %j", (section, path, value, message) => {
    const { index, problems } = withValue(section, path, value);
    expect(problems).toEqual([{ field: `${section}[${index}].${path}`, message: expect.stringContaining(message) }]);
  });

  it.each<[string, Omit<PartialComponent, "id">, string, string]>([
    ["work on a client", { kind: "client", rateLimit: { perSecond: 1, burst: 1 } }, "rateLimit", "not on a client"],
    ["balancing on a client", { kind: "client", balancing: "random" }, "balancing", "on a component that is called"],
    ["keys on a database", { kind: "database", cache: { keys: 1, capacity: 1 } }, "cache", "must be on a cache"],
    ["locks on a service", { kind: "service", locks: { keys: 1 } }, "locks", "must be on a database, not on a service"],
    ["a primary alone", { kind: "database", readWriteSplit: true }, "readWriteSplit", "at least 2 instances"],
    [
      "a primary that may be left alone",
      { kind: "database", instances: 2, readWriteSplit: true, autoscaler: { maxInstances: 4 } },
      "readWriteSplit",
      "at least 2 instances, a primary and a replica, not 1",
    ],
    [
      "weights that nobody reads",
      { kind: "service", balancing: "random", instanceWeights: [1] },
      "instanceWeights",
      'must come with balancing "weighted", not "random"',
    ],
    [
      "choices among those that come in turn",
      { kind: "service", balancing: "round_robin", choices: 3 },
      "choices",
      'must come with balancing "power_of_two", not "round_robin"',
    ],
    [
      "choices of a load balancer that goes by weight",
      { kind: "load_balancer", choices: 3 },
      "choices",
      'must come with balancing "power_of_two", not "weighted"',
    ],
    [
      "weights of a load balancer's instances",
      { kind: "load_balancer", balancing: "weighted", instanceWeights: [1] },
      "instanceWeights",
      "must be on another component",
    ],
    [
      "more entries than fit",
      { kind: "cache", cache: { keys: 10_000_000, capacity: 10_000_000 }, autoscaler: { maxInstances: 2 } },
      "cache.capacity",
      "at most 10000000 entries in all 2 instances",
    ],
    [
      "an age begun anew where none ends",
      { kind: "cache", cache: { keys: 1, capacity: 1, ttlResetsOnHit: true } },
      "cache.ttlResetsOnHit",
      "must be false when the policy is lru",
    ],
  ])("refuse %s, and a file loses them with a finding", (_name, component, field, message) => {
    const given = { components: [{ id: "a", ...component }] };
    const { problems } = completeArchitecture(given);
    expect(problems).toEqual([{ field: `components[0].${field}`, message: expect.stringContaining(message) }]);
    const { architecture, findings } = importWeft(JSON.stringify(given));
    const errors = findings.filter(({ severity }) => severity === "ERROR");
    expect(errors.map((finding) => finding.message)).toEqual([expect.stringMatching(/ counts as absent$/)]);
    expect(errors[0]?.message).toContain(`a.${field} ${problems[0]?.message}`);
    expect(architecture.components[0]).not.toHaveProperty(field.split(".")[0] as string);
  });

  it("say what absent means on any kind", () => {
    const { problems } = completeArchitecture({
      components: [{ id: "a", kind: "client", holdsSlot: true, dropsExpired: false, readWriteSplit: false }],
    });
    expect(problems).toEqual([]);
  });

  it("in a file are findings with their line where they are wrong, and a group goes with what it cannot be without", () => {
    const { architecture, findings } = importWeft(`components:
  - id: a
    kind: cache
    cpus: 0
    rateLimit: { perSecond: 0, burst: 2 }
    autoscaler: { maxInstances: 3, minInstances: none, colour: red }
    cache: 7
    instanceWeights: 1
  - id: b
    kind: service
links:
  - { from: a, to: b, breaker: {}, retryBudget: { ratio: 11 } }
`);
    expect(findings.map(({ severity, line, message }) => `${severity} ${line} ${message}`).slice(0, 8)).toEqual([
      "ERROR 4 components[0].cpus must be a number from 0.01 to 1000, not 0; it counts as absent",
      "ERROR 5 components[0].rateLimit.perSecond must be a number above 0 and at most 10000000, not 0; it counts as absent",
      "ERROR 5 components[0].rateLimit must have a usable perSecond; it counts as absent",
      'ERROR 6 components[0].autoscaler.minInstances must be a whole number from 1 to 1000, not "none"; it counts as absent',
      expect.stringMatching(/^ERROR 7 components\[0\]\.cache must be a mapping of keys, skew, capacity/),
      'ERROR 8 components[0].instanceWeights must be a list of numbers, not "1"; it counts as absent',
      "ERROR 12 links[0].retryBudget.ratio must be a number from 0 to 10, not 11; it counts as absent",
      "WARNING 6 components[0].autoscaler.colour is not a field that Weft knows; it is ignored",
    ]);
    expect(architecture.components[0]?.autoscaler).toEqual({
      minInstances: 1,
      maxInstances: 3,
      targetUtilization: 0.8,
    });
    expect(
      Object.keys(architecture.components[0] ?? {}).filter((field) => Object.hasOwn(COMPONENT_OPTIONS, field)),
    ).toEqual(["autoscaler"]);
    expect(architecture.links[0]).toMatchObject({
      breaker: { failures: 5, openMs: 5000 },
      retryBudget: { ratio: 0.2, scope: "client" },
    });
  });
});
