import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link, Workload } from "./architecture.ts";
import { checkArchitecture } from "./check-architecture.ts";
import { component, link, poisson } from "./scenario.ts";

/** A client, a component with these options, and what it calls. */
function system(
  kind: Component["kind"],
  options: Partial<Component>,
  linkOptions: Partial<Link> = {},
  workloadOptions: Partial<Workload> = {},
): Architecture {
  return {
    components: [component("client", "client"), component("part", kind, options), component("store", "external")],
    links: [link("client", "part"), link("part", "store", linkOptions)],
    workloads: [{ ...poisson("client", 1), ...workloadOptions }],
  };
}

const issuesOf = (...given: Parameters<typeof system>) => checkArchitecture(system(...given), 1);

const rateLimit = { perSecond: 5, burst: 2 };
const autoscaler = { minInstances: 1, maxInstances: 4, targetUtilization: 0.7 };
const locks = { keys: 10, skew: 1, share: 0.5 };
const breaker = { failures: 3, openMs: 100 };
const cache = { keys: 10, skew: 1, capacity: 5, policy: "lru", ttlMs: 0, singleFlight: false } as const;
const unchecked = <T>(value: unknown) => value as T;

describe("options of a component that are refused", () => {
  test.each<[Component["kind"], Partial<Component>, string, string]>([
    [
      "service",
      { balancing: unchecked("best") },
      "balancing",
      'is "best"; allowed are power_of_two, random, round_robin',
    ],
    ["service", { discipline: unchecked("sjf") }, "discipline", 'is "sjf"; allowed are fifo, lifo, priority'],
    ["service", { shed: unchecked("all") }, "shed", 'is "all"; allowed are newest, oldest'],
    ["service", { cpus: 0 }, "cpus", "is 0; allowed is 0.01 to 1000"],
    ["service", { cpus: Number.NaN }, "cpus", "is NaN; allowed is 0.01 to 1000"],
    ["service", { choices: 1 }, "choices", "is 1; allowed are whole numbers from 2 to 16"],
    ["service", { choices: 2.5 }, "choices", "is 2.5; allowed are whole numbers from 2 to 16"],
    ["service", { balancing: "random", choices: 3 }, "choices", 'are given for the balancing "random"'],
    ["load_balancer", { choices: 3 }, "choices", 'are given for the balancing "weighted"; allowed is power_of_two'],
    ["service", { instanceWeights: [1] }, "instanceWeights", 'are given for the balancing "power_of_two"'],
    [
      "service",
      { balancing: "weighted", instanceWeights: [1, 2] },
      "instanceWeights",
      "has 2 weights; allowed are 1 to the 1 instances",
    ],
    [
      "service",
      { balancing: "weighted", instanceWeights: [-1] },
      "instanceWeights",
      "is -1 at 0; allowed is 0 to 1000",
    ],
    ["service", { balancing: "weighted", instanceWeights: [0] }, "instanceWeights", "has only weights of 0"],
    [
      "load_balancer",
      { balancing: "weighted", instanceWeights: [1] },
      "instanceWeights",
      "is given for a load_balancer; only other components have it",
    ],
    [
      "service",
      { rateLimit: { ...rateLimit, perSecond: 0 } },
      "rateLimit.perSecond",
      "is 0; allowed is above 0 to 10000000",
    ],
    [
      "service",
      { rateLimit: unchecked({ perSecond: 5 }) },
      "rateLimit.burst",
      "is undefined; allowed is 1 to 10000000",
    ],
    [
      "service",
      { rateLimit: { ...rateLimit, whenExceeded: unchecked("cry") } },
      "rateLimit.whenExceeded",
      'is "cry"; allowed are reject, wait',
    ],
    [
      "service",
      { autoscaler: { ...autoscaler, targetUtilization: 0 } },
      "autoscaler.targetUtilization",
      "is 0; allowed is above 0 to 1",
    ],
    [
      "service",
      { autoscaler: { ...autoscaler, maxInstances: 1001 } },
      "autoscaler.maxInstances",
      "is 1001; allowed are whole numbers from 1 to 1000",
    ],
    [
      "service",
      { autoscaler: { ...autoscaler, minInstances: 2 } },
      "autoscaler.minInstances",
      "is 2; allowed is 1 to the instances it begins with, 1",
    ],
    [
      "service",
      { instances: 5, autoscaler },
      "autoscaler.maxInstances",
      "is 4; allowed is the instances it begins with, 5, to 1000",
    ],
    [
      "service",
      { autoscaler: { ...autoscaler, intervalMs: 0 } },
      "autoscaler.intervalMs",
      "is 0; allowed is 1 to 86400000",
    ],
    ["service", { locks }, "locks", "is given for a service; only components of kind database have it"],
    ["database", { locks: { ...locks, skew: 6 } }, "locks.skew", "is 6; allowed is 0 to 5"],
    [
      "cache",
      { readWriteSplit: true, instances: 2 },
      "readWriteSplit",
      "is given for a cache; only components of kind",
    ],
    ["database", { readWriteSplit: true }, "readWriteSplit", "is true with 1 instances; allowed are 2 or more"],
    [
      "database",
      { readWriteSplit: true, instances: 2, autoscaler },
      "readWriteSplit",
      "is true with 1 instances; allowed are 2 or more",
    ],
    ["service", { cache }, "cache", "is given for a service; only components of kind cache have keys"],
    [
      "cache",
      { cache: { ...cache, keys: 1e7, capacity: 5e6 }, autoscaler },
      "cache.capacity",
      "is 5000000 in 4 instances; allowed are 10000000 entries in all of them",
    ],
  ])("of a %s: %j", (kind, options, field, message) => {
    expect(issuesOf(kind, options)).toEqual([
      { component: "part", field, message: expect.stringContaining(`component "part": ${field} ${message}`) },
    ]);
  });

  test("everything about serving requests on a client, which nobody calls", () => {
    const options: Partial<Component> = {
      balancing: "random",
      discipline: "lifo",
      cpus: 1,
      shed: "oldest",
      holdsSlot: false,
      dropsExpired: true,
      rateLimit,
      autoscaler,
    };
    const architecture = system("service", {});
    const [client, ...others] = architecture.components;
    const issues = checkArchitecture(
      { ...architecture, components: [{ ...(client as Component), ...options }, ...others] },
      1,
    );
    expect(issues.map((issue) => issue.field).sort()).toEqual(Object.keys(options).sort());
    expect(issues[0]?.message).toBe(
      'component "client": balancing is given for a client; only components that are called have it',
    );
  });
});

test.each<[Partial<Link>, string, string]>([
  [{ retryJitter: unchecked("some") }, "retryJitter", 'is "some"; allowed are full, none'],
  [{ retryBudget: { ratio: 11, scope: "client" } }, "retryBudget.ratio", "is 11; allowed is 0 to 10"],
  [{ retryBudget: unchecked({ ratio: 1 }) }, "retryBudget.scope", 'is "undefined"; allowed are client, tier'],
  [{ breaker: { ...breaker, failures: 0 } }, "breaker.failures", "is 0; allowed are whole numbers from 1 to 1000"],
  [{ breaker: unchecked({ failures: 1 }) }, "breaker.openMs", "is undefined; allowed is 0 to 86400000"],
  [{ breaker: { ...breaker, probes: 0 } }, "breaker.probes", "is 0; allowed are whole numbers from 1 to 1000"],
  [{ hedgeAfterMs: -1 }, "hedgeAfterMs", "is -1; allowed is 0 to 86400000"],
  [{ maxConnections: 10_001 }, "maxConnections", "is 10001; allowed are whole numbers from 0 to 10000"],
  [{ connectionQueue: 0.5 }, "connectionQueue", "is 0.5; allowed are whole numbers from 0 to 1000000"],
  [{ connectionTimeoutMs: 9e7 }, "connectionTimeoutMs", "is 90000000; allowed is 0 to 86400000"],
  [{ lossRatio: 1.1 }, "lossRatio", "is 1.1; allowed is 0 to 1"],
  [{ retransmitMs: Number.NaN }, "retransmitMs", "is NaN; allowed is 0 to 86400000"],
  [{ bandwidthMbps: 0.0001 }, "bandwidthMbps", "is 0.0001; allowed is 0 or 0.001 to 1000000"],
  [{ requestKb: -1 }, "requestKb", "is -1; allowed is 0 to 1000000"],
  [{ answerKb: 2e6 }, "answerKb", "is 2000000; allowed is 0 to 1000000"],
])("options of a link that are refused: %j", (options, field, message) => {
  expect(issuesOf("service", {}, options)).toEqual([
    { link: "part-store", field, message: `link "part-store": ${field} ${message}` },
  ]);
});

test.each<[Partial<Workload>, string, string]>([
  [{ priority: 10 }, "priority", "is 10; allowed are whole numbers from 0 to 9"],
  [{ deadlineMs: 600_001 }, "deadlineMs", "is 600001; allowed is 0 to 600000"],
  [{ writeShare: -0.1 }, "writeShare", "is -0.1; allowed is 0 to 1"],
  [{ workFactor: 1001 }, "workFactor", "is 1001; allowed is 0 to 1000"],
  [{ sessions: 0 }, "sessions", "is 0; allowed are whole numbers from 1 to 10000000"],
  [{ sessionSkew: 5.1 }, "sessionSkew", "is 5.1; allowed is 0 to 5"],
])("options of a workload that are refused: %j", (options, field, message) => {
  expect(issuesOf("service", {}, {}, options)).toEqual([
    { component: "client", field, message: `workload "client-load": ${field} ${message}` },
  ]);
});

test("options at their limits are accepted, and so is saying what absent means", () => {
  const good: Parameters<typeof system>[] = [
    ["service", { balancing: "weighted", instances: 3, instanceWeights: [0, 1000] }],
    ["load_balancer", { balancing: "consistent_hash", cpus: 0.01 }],
    ["load_balancer", { balancing: "power_of_two", choices: 16 }],
    ["service", { choices: 2 }],
    ["queue", { discipline: "priority", shed: "oldest", holdsSlot: false, dropsExpired: true, cpus: 1000 }],
    ["service", { rateLimit: { perSecond: 1e-9, burst: 1, whenExceeded: "wait" } }],
    ["external", { instances: 3, autoscaler: { minInstances: 3, maxInstances: 3, targetUtilization: 1 } }],
    ["database", { instances: 2, readWriteSplit: true, locks: { keys: 1e7, skew: 5, share: 1 } }],
    ["service", { holdsSlot: true, dropsExpired: false, readWriteSplit: false }],
    ["service", {}, { bandwidthMbps: 0, hedgeAfterMs: 0, maxConnections: 0, lossRatio: 1, retransmitMs: 0 }],
    [
      "service",
      {},
      { bandwidthMbps: 0.001, breaker: { failures: 1, openMs: 0 }, retryBudget: { ratio: 0, scope: "tier" } },
    ],
    ["service", {}, {}, { priority: 0, deadlineMs: 0, writeShare: 1, workFactor: 0, sessions: 1, sessionSkew: 0 }],
  ];
  expect(good.map((given) => issuesOf(...given))).toEqual(good.map(() => []));
});
