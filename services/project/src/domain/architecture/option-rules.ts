import { count, type NumberLimit, real } from "./architecture.ts";
import {
  type Autoscaler,
  BALANCINGS,
  type Breaker,
  CACHE_POLICIES,
  type ComponentOptions,
  DISCIPLINES,
  type KeyedCache,
  type LinkOptions,
  type Locks,
  RATE_LIMIT_ANSWERS,
  type RateLimit,
  RETRY_BUDGET_SCOPES,
  RETRY_JITTERS,
  type RetryBudget,
  SHEDS,
  type WorkloadOptions,
} from "./architecture-options.ts";

/*
 * One table for each thing that has options, with the form and the limits of every field. Completion, validation and reading
 * from files walk these tables, so that a field is added in one place; the compiler finds one that is missing here.
 */

/**
 * What one field may be. `fallback` is what an absent field of a group becomes; a field of a group with `required` has
 * nothing that could stand in for it. A group is filled in only where it is given.
 */
export type OptionRule = { readonly fallback?: string | number | boolean; readonly required?: true } & (
  | { readonly form: "number"; readonly limit: NumberLimit }
  | { readonly form: "numbers"; readonly limit: NumberLimit; readonly most: number }
  | { readonly form: "choice"; readonly allowed: readonly string[] }
  | { readonly form: "flag" }
  | { readonly form: "group"; readonly fields: OptionRules }
);
export type OptionRules = Readonly<Record<string, OptionRule>>;
type RulesFor<T> = Readonly<Record<keyof Required<T>, OptionRule>>;

const DAY_MS = 86_400_000;
const WEEK_MS = 604_800_000;
const MAX_INSTANCES = 1000;

const above = (limit: NumberLimit): NumberLimit => ({ ...limit, aboveMin: true });
const orZero = (limit: NumberLimit): NumberLimit => ({ ...limit, orZero: true });

const number = (limit: NumberLimit, fallback?: number): OptionRule => ({
  form: "number",
  limit,
  ...(fallback === undefined ? {} : { fallback }),
});
const requiredNumber = (limit: NumberLimit): OptionRule => ({ form: "number", limit, required: true });
const choice = (allowed: readonly string[], fallback?: string): OptionRule => ({
  form: "choice",
  allowed,
  ...(fallback === undefined ? {} : { fallback }),
});
const flag: OptionRule = { form: "flag" };
const group = <T extends object>(fields: RulesFor<T>): OptionRule => ({ form: "group", fields });

const zipf = real(0, 5);
const wait = real(0, DAY_MS);

export const COMPONENT_OPTIONS = {
  balancing: choice(BALANCINGS),
  choices: number(count(2, 16)),
  instanceWeights: { form: "numbers", limit: real(0, 1000), most: MAX_INSTANCES },
  discipline: choice(DISCIPLINES),
  cpus: number(real(0.01, 1000)),
  shed: choice(SHEDS),
  holdsSlot: flag,
  dropsExpired: flag,
  rateLimit: group<RateLimit>({
    perSecond: requiredNumber(above(real(0, 10_000_000))),
    burst: requiredNumber(real(1, 10_000_000)),
    whenExceeded: choice(RATE_LIMIT_ANSWERS),
  }),
  autoscaler: group<Autoscaler>({
    // The defaults of the Kubernetes autoscaler: one replica, 80 %.
    minInstances: number(count(1, MAX_INSTANCES), 1),
    maxInstances: requiredNumber(count(1, MAX_INSTANCES)),
    targetUtilization: number(above(real(0, 1)), 0.8),
    intervalMs: number(real(1, DAY_MS)),
    startDelayMs: number(wait),
    scaleDownDelayMs: number(wait),
  }),
  readWriteSplit: flag,
  locks: group<Locks>({
    keys: requiredNumber(count(1, 10_000_000)),
    skew: number(zipf, 0),
    share: number(real(0, 1), 1),
  }),
  cache: group<KeyedCache>({
    keys: requiredNumber(count(1, 10_000_000)),
    // In the middle of what web caches see, 0.64 to 0.83 (Breslau and others 1999).
    skew: number(zipf, 0.75),
    capacity: requiredNumber(count(1, 10_000_000)),
    policy: choice(CACHE_POLICIES, "lru"),
    ttlMs: number(real(0, WEEK_MS), 0),
    ttlResetsOnHit: flag,
    // Most cache clients fetch what they miss without asking who else does.
    singleFlight: { form: "flag", fallback: false },
  }),
} as const satisfies RulesFor<ComponentOptions>;

export const LINK_OPTIONS = {
  timeoutCancels: flag,
  retryJitter: choice(RETRY_JITTERS),
  retryBudget: group<RetryBudget>({
    // A fifth of the calls, as Finagle has it.
    ratio: number(real(0, 10), 0.2),
    burst: number(real(0, 1_000_000)),
    scope: choice(RETRY_BUDGET_SCOPES, "client"),
  }),
  breaker: group<Breaker>({
    // Five in a row, then five seconds: what Finagle's failure accrual begins with.
    failures: number(count(1, 1000), 5),
    openMs: number(wait, 5000),
    probes: number(count(1, 1000)),
  }),
  hedgeAfterMs: number(wait),
  maxConnections: number(count(0, 10_000)),
  connectionQueue: number(count(0, 1_000_000)),
  connectionTimeoutMs: number(wait),
  lossRatio: number(real(0, 1)),
  retransmitMs: number(wait),
  bandwidthMbps: number(orZero(real(0.001, 1_000_000))),
  requestKb: number(real(0, 1_000_000)),
  answerKb: number(real(0, 1_000_000)),
} as const satisfies RulesFor<LinkOptions>;

export const WORKLOAD_OPTIONS = {
  priority: number(count(0, 9)),
  deadlineMs: number(real(0, 600_000)),
  writeShare: number(real(0, 1)),
  workFactor: number(real(0, 1000)),
  sessions: number(count(1, 10_000_000)),
  sessionSkew: number(zipf),
} as const satisfies RulesFor<WorkloadOptions>;

const OPTIONS = { component: COMPONENT_OPTIONS, link: LINK_OPTIONS, workload: WORKLOAD_OPTIONS } as const;

/** All options that such a thing can have; those of groups as "breaker.openMs", after their group. */
export function optionPaths(owner: keyof typeof OPTIONS): string[] {
  return pathsOf(OPTIONS[owner]);
}

function pathsOf(rules: OptionRules): string[] {
  return Object.entries(rules).flatMap(([field, rule]) =>
    rule.form === "group" ? [field, ...pathsOf(rule.fields).map((inner) => `${field}.${inner}`)] : [field],
  );
}
