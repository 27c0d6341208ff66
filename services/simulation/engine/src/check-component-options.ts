/**
 * What is wrong with the optional fields of a component: their limits, how they must lie to each other, and fields on a kind
 * of component where they would change nothing. Those are refused, because whoever set one expects that it does something.
 */
import type { Component } from "./architecture.ts";
import { cacheIssues } from "./cache/check-cache.ts";
import { choiceIssues, longestWaitMs, type NumberRules, numberIssues, type OptionIssue } from "./option-issues.ts";

type Group<Name extends keyof Component> = NonNullable<Component[Name]>;

const mostInstances = 1000;
const largestWeight = 1000;
const balancings = ["power_of_two", "random", "round_robin", "least_connections", "weighted", "consistent_hash"];

const numbers: NumberRules<Component> = {
  cpus: { minimum: 0.01, maximum: 1000 },
  choices: { minimum: 2, maximum: 16, isWhole: true },
};
const rateLimitNumbers: NumberRules<Group<"rateLimit">> = {
  perSecond: { minimum: 0, maximum: 10_000_000, isAbove: true, isRequired: true },
  burst: { minimum: 1, maximum: 10_000_000, isRequired: true },
};
const autoscalerNumbers: NumberRules<Group<"autoscaler">> = {
  minInstances: { minimum: 1, maximum: mostInstances, isWhole: true, isRequired: true },
  maxInstances: { minimum: 1, maximum: mostInstances, isWhole: true, isRequired: true },
  targetUtilization: { minimum: 0, maximum: 1, isAbove: true, isRequired: true },
  // A decision is an event: at 0 they would stop the time.
  intervalMs: { minimum: 1, maximum: longestWaitMs },
  startDelayMs: { minimum: 0, maximum: longestWaitMs },
  scaleDownDelayMs: { minimum: 0, maximum: longestWaitMs },
};
const lockNumbers: NumberRules<Group<"locks">> = {
  keys: { minimum: 1, maximum: 10_000_000, isWhole: true, isRequired: true },
  skew: { minimum: 0, maximum: 5, isRequired: true },
  share: { minimum: 0, maximum: 1, isRequired: true },
};

/** Fields about how requests are served, which nobody asks of a client. */
const servingFields = [
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
] as const satisfies readonly (keyof Component)[];
const databaseFields = ["readWriteSplit", "locks"] as const satisfies readonly (keyof Component)[];
/** Saying what absent means says nothing, on any kind. */
const sameAsAbsent: Partial<Component> = { holdsSlot: true, dropsExpired: false, readWriteSplit: false };

/** Everything that is wrong, empty when nothing is. */
export function componentOptionIssues(component: Component): OptionIssue[] {
  const { balancing, discipline, shed, instances, rateLimit, autoscaler, locks } = component;
  const issues = [
    ...choiceIssues("balancing", balancing, balancings),
    ...choiceIssues("discipline", discipline, ["fifo", "lifo", "priority"]),
    ...choiceIssues("shed", shed, ["newest", "oldest"]),
    ...numberIssues(component, numbers),
    ...drawIssues(component),
    ...weightIssues(component),
    ...(locks === undefined ? [] : numberIssues(locks, lockNumbers, "locks.")),
    // An autoscaler can make as many caches as it may make instances.
    ...cacheIssues({ ...component, instances: Math.max(instances, autoscaler?.maxInstances ?? 0) }),
  ];
  if (rateLimit !== undefined) {
    issues.push(...numberIssues(rateLimit, rateLimitNumbers, "rateLimit."));
    issues.push(...choiceIssues("rateLimit.whenExceeded", rateLimit.whenExceeded, ["reject", "wait"]));
  }
  if (autoscaler !== undefined) issues.push(...autoscalerIssues(autoscaler, instances));
  if (component.readWriteSplit === true) issues.push(...splitIssues(component));
  return [...issues, ...kindIssues(component)];
}

function kindIssues(component: Component): OptionIssue[] {
  const { kind } = component;
  const isGiven = (field: keyof Component) =>
    component[field] !== undefined && component[field] !== sameAsAbsent[field];
  const refuse = (fields: readonly (keyof Component)[], only: string) =>
    fields.filter(isGiven).map((field) => ({ field, message: `${field} is given for a ${kind}; only ${only}` }));
  return [
    ...(kind === "client" ? refuse(servingFields, "components that are called have it") : []),
    ...(kind === "load_balancer"
      ? refuse(["instanceWeights"], "other components have it; its links have weights")
      : []),
    ...(kind === "database" ? [] : refuse(databaseFields, "components of kind database have it")),
  ];
}

/** A load balancer's links are chosen by weight when nothing is said, and everybody's instances by power of two. */
function drawIssues({ kind, choices, balancing }: Component): OptionIssue[] {
  const used = balancing ?? (kind === "load_balancer" ? "weighted" : "power_of_two");
  if (choices === undefined || kind === "client" || used === "power_of_two") return [];
  return [{ field: "choices", message: `choices are given for the balancing "${used}"; allowed is power_of_two` }];
}

function weightIssues({ instanceWeights, balancing, instances }: Component): OptionIssue[] {
  if (instanceWeights === undefined) return [];
  const field = "instanceWeights";
  const refuse = (problem: string) => [{ field, message: `${field} ${problem}` }];
  if (balancing !== "weighted")
    return refuse(`are given for the balancing "${balancing ?? "power_of_two"}"; allowed is weighted`);
  const count = instanceWeights.length;
  if (count < 1 || count > instances)
    return refuse(`has ${count} weights; allowed are 1 to the ${instances} instances`);
  const bad = instanceWeights.findIndex((weight) => !(weight >= 0 && weight <= largestWeight));
  if (bad >= 0) return refuse(`is ${instanceWeights[bad]} at ${bad}; allowed is 0 to ${largestWeight}`);
  if (instanceWeights.every((weight) => weight === 0))
    return refuse("has only weights of 0; allowed is at least one above 0");
  return [];
}

function autoscalerIssues(autoscaler: Group<"autoscaler">, instances: number): OptionIssue[] {
  const issues = numberIssues(autoscaler, autoscalerNumbers, "autoscaler.");
  if (issues.length > 0) return issues;
  const { minInstances, maxInstances } = autoscaler;
  const add = (name: string, value: number, allowed: string) => {
    const field = `autoscaler.${name}`;
    issues.push({ field, message: `${field} is ${value}; allowed is ${allowed}` });
  };
  if (minInstances > instances) add("minInstances", minInstances, `1 to the instances it begins with, ${instances}`);
  if (maxInstances < instances) {
    add("maxInstances", maxInstances, `the instances it begins with, ${instances}, to ${mostInstances}`);
  }
  return issues;
}

function splitIssues({ instances, autoscaler }: Component): OptionIssue[] {
  const field = "readWriteSplit";
  const fewest = Math.min(instances, autoscaler?.minInstances ?? instances);
  if (!(fewest < 2)) return [];
  return [
    { field, message: `${field} is true with ${fewest} instances; allowed are 2 or more, a primary and replicas` },
  ];
}
