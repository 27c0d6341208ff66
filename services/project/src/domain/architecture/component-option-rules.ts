import type { Component } from "./architecture.ts";
import type { ComponentOptions } from "./architecture-options.ts";
import type { OptionProblem } from "./validate-options.ts";

/** Of all instances of a component together: what a simulation can keep in memory. */
const MAX_CACHE_ENTRIES = 10_000_000;

/** Clients originate requests: what is about serving them means nothing there. */
const SERVING_OPTIONS = [
  "balancing",
  "choices",
  "instanceWeights",
  "discipline",
  "cpus",
  "shed",
  "holdsSlot",
  "dropsExpired",
  "rateLimit",
  "autoscaler",
] as const satisfies readonly (keyof ComponentOptions)[];
/** Saying what absent means says nothing, so it does no harm on any kind. */
const SAME_AS_ABSENT: ComponentOptions = { holdsSlot: true, dropsExpired: false, readWriteSplit: false };

type Described = ComponentOptions & Pick<Component, "kind" | "instances">;

/**
 * What the rules of single options cannot say: which kinds have them, and how they must lie to each other. Every single
 * one must be right before. Fields on a kind where they would do nothing are refused, because whoever set one expects
 * that it does something.
 */
export function componentOptionProblems(component: Described): OptionProblem[] {
  const { kind, instances, autoscaler, readWriteSplit } = component;
  const problems = kindProblems(component);
  const add = (field: string, problem: string) => problems.push({ field, problem });
  if (autoscaler !== undefined) {
    const { minInstances, maxInstances } = autoscaler;
    if (minInstances > instances) {
      add("autoscaler.minInstances", `must be at most the instances, ${instances}, not ${minInstances}`);
    }
    if (maxInstances < instances) {
      add("autoscaler.maxInstances", `must be at least the instances, ${instances}, not ${maxInstances}`);
    }
  }
  const fewest = Math.min(instances, autoscaler?.minInstances ?? instances);
  if (readWriteSplit === true && kind === "database" && fewest < 2) {
    add("readWriteSplit", `must come with at least 2 instances, a primary and a replica, not ${fewest}`);
  }
  problems.push(...choiceProblems(component), ...weightProblems(component), ...cacheProblems(component));
  return problems;
}

function kindProblems(component: Described): OptionProblem[] {
  const { kind } = component;
  const isGiven = (field: keyof ComponentOptions) =>
    component[field] !== undefined && component[field] !== SAME_AS_ABSENT[field];
  const refuse = (fields: readonly (keyof ComponentOptions)[], only: string) =>
    fields.filter(isGiven).map((field) => ({ field, problem: `must be on ${only}, not on a ${kind}` }));
  return [
    ...(kind === "client" ? refuse(SERVING_OPTIONS, "a component that is called") : []),
    ...(kind === "load_balancer" ? refuse(["instanceWeights"], "another component (its links have weights)") : []),
    ...(kind === "database" ? [] : refuse(["readWriteSplit", "locks"], "a database")),
    ...(kind === "cache" ? [] : refuse(["cache"], "a cache")),
  ];
}

/** Absent means by weight for the links of a load balancer, and power of two for the instances of everything else. */
function choiceProblems({ kind, balancing, choices }: Described): OptionProblem[] {
  const used = balancing ?? (kind === "load_balancer" ? "weighted" : "power_of_two");
  if (choices === undefined || kind === "client" || used === "power_of_two") return [];
  return [{ field: "choices", problem: `must come with balancing "power_of_two", not "${used}"` }];
}

function weightProblems({ kind, balancing, instanceWeights, instances }: Described): OptionProblem[] {
  if (instanceWeights === undefined || kind === "client" || kind === "load_balancer") return [];
  const refuse = (problem: string) => [{ field: "instanceWeights", problem }];
  if (balancing !== "weighted") {
    return refuse(`must come with balancing "weighted", not ${balancing === undefined ? "without" : `"${balancing}"`}`);
  }
  if (instanceWeights.length > instances) {
    return refuse(`must have at most the ${instances} weights of the instances, not ${instanceWeights.length}`);
  }
  return instanceWeights.every((weight) => weight === 0) ? refuse("must have one above 0, but all are 0") : [];
}

function cacheProblems({ kind, cache, instances, autoscaler }: Described): OptionProblem[] {
  if (cache === undefined || kind !== "cache") return [];
  const { keys, capacity, policy, ttlMs, ttlResetsOnHit } = cache;
  const problems: OptionProblem[] = [];
  const most = Math.max(instances, autoscaler?.maxInstances ?? instances);
  if (most * Math.min(capacity, keys) > MAX_CACHE_ENTRIES) {
    const problem = `must give at most ${MAX_CACHE_ENTRIES} entries in all ${most} instances, not ${capacity} each`;
    problems.push({ field: "cache.capacity", problem });
  }
  if (policy === "ttl" && ttlMs === 0) {
    problems.push({ field: "cache.ttlMs", problem: "must be above 0 when the policy is ttl, not 0" });
  }
  if (ttlResetsOnHit === true && policy !== "ttl") {
    problems.push({ field: "cache.ttlResetsOnHit", problem: `must be false when the policy is ${policy}, not true` });
  }
  return problems;
}
