// biome-ignore-all lint/suspicious/noTemplateCurlyInString: compose variables stand in plain strings here
/**
 * Architectures for tests: any that is valid, drawn by the same rules that completion and validation read, and one in which
 * everything that can be said is said once.
 */
import fc from "fast-check";
import {
  type Architecture,
  COMPONENT_KINDS,
  DISTRIBUTION_KINDS,
  FAN_OUTS,
  type NumberLimit,
  type PartialArchitecture,
  type PartialComponent,
  WORKLOAD_KINDS,
} from "../src/domain/architecture/architecture.ts";
import { completeArchitecture } from "../src/domain/architecture/complete-architecture.ts";
import { fitOptions } from "../src/domain/architecture/fit-options.ts";
import { Findings } from "../src/domain/architecture/import-result.ts";
import {
  COMPONENT_OPTIONS,
  LINK_OPTIONS,
  type OptionRule,
  type OptionRules,
  WORKLOAD_OPTIONS,
} from "../src/domain/architecture/option-rules.ts";

type Options = { [field: string]: unknown };

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true }).map((value) => value + 0);
const points = fc
  .uniqueArray(number(0, 60_000), { minLength: 1, maxLength: 5 })
  .chain((ends) =>
    fc
      .array(number(0, 1e12), { minLength: ends.length, maxLength: ends.length })
      .map((weights) =>
        [...ends].sort((a, b) => a - b).map((upToMs, i) => ({ upToMs, weight: (weights[i] ?? 0) + 1e-9 })),
      ),
  );
/** Of every kind, with what the kind needs and sometimes with what others do. */
const distribution = (maxMs: number) =>
  fc
    .record(
      {
        kind: fc.constantFrom(...DISTRIBUTION_KINDS),
        meanMs: number(0, maxMs),
        cv: number(0, 100),
        tailIndex: number(0.1, 100),
        maxMs: number(maxMs + 1, 600_000_000),
        points,
      },
      { requiredKeys: ["kind", "meanMs", "cv"] },
    )
    .chain((drawn) => {
      const cv = drawn.kind === "erlang" ? number(0, 1) : number(drawn.kind === "hyperexponential" ? 1 : 0, 100);
      const needed = drawn.kind === "empirical" ? points : fc.constant(drawn.points);
      return fc.record({ cv, points: needed }).map((fitting) => ({ ...drawn, ...fitting }));
    });
const id = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/);
const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
  fc.constantFrom("yes", "null", "0123", "${X}", "# no", "a: b", "- x", "*a", "&b", "~", "$$", "<<"),
);
/** Options by their rules; those that must fit others are made to, and what still does not fit is left out. */
const optionsOf = (rules: OptionRules): fc.Arbitrary<Options> =>
  fc.record(mapRules(rules, optionOf), {
    requiredKeys: Object.keys(rules).filter((field) => rules[field]?.required === true),
  });
function optionOf(rule: OptionRule): fc.Arbitrary<unknown> {
  switch (rule.form) {
    case "number":
      return limited(rule.limit);
    case "numbers":
      return fc.array(limited(rule.limit), { minLength: 1, maxLength: 4 });
    case "choice":
      return fc.constantFrom(...rule.allowed);
    case "flag":
      return fc.boolean();
    case "group":
      return optionsOf(rule.fields);
  }
}
function limited({ min, max, integer, aboveMin = false, orZero = false }: NumberLimit): fc.Arbitrary<number> {
  if (integer) return fc.integer({ min, max });
  const drawn = number(aboveMin ? max / 1e6 : min, max);
  return orZero ? fc.oneof(fc.constant(0), drawn) : drawn;
}
function mapRules<T>(rules: OptionRules, value: (rule: OptionRule) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(rules).map(([field, rule]) => [field, value(rule)]));
}

function fitting(given: PartialComponent & { instances: number }): PartialComponent {
  const { autoscaler, cache, instanceWeights, instances } = given;
  const { minInstances = 1, maxInstances = 1 } = autoscaler ?? {};
  const range = { minInstances: Math.min(minInstances, instances), maxInstances: Math.max(maxInstances, instances) };
  const weights = { balancing: "weighted", instanceWeights: instanceWeights?.slice(0, instances) };
  const fits = {
    ...given,
    ...(autoscaler === undefined ? {} : { autoscaler: { ...autoscaler, ...range } }),
    ...(cache?.keys === undefined ? {} : { cache: { ...cache, keys: Math.ceil(cache.keys / 1000) } }),
    ...(instanceWeights === undefined ? {} : weights),
  };
  return fitOptions(fits, new Findings());
}

const common = fc.record({
  id,
  name: text,
  kind: fc.constantFrom(...COMPONENT_KINDS),
  instances: fc.integer({ min: 1, max: 1000 }),
  concurrency: fc.integer({ min: 1, max: 10_000 }),
  serviceTime: distribution(600_000),
  queueCapacity: fc.integer({ min: 0, max: 1_000_000 }),
  errorRatio: number(0, 1),
  hitRatio: number(0, 1),
  fanOut: fc.constantFrom(...FAN_OUTS),
  image: fc.oneof(fc.constant(""), text, fc.constantFrom("postgres:18", "redis", "grafana/k6")),
});
const component = fc
  .tuple(common, optionsOf(COMPONENT_OPTIONS))
  .map(([own, options]) => fitting({ ...own, ...options }));
const arrivals = fc
  .array(number(0, 1e9), { minLength: 1, maxLength: 5 })
  .map((drawn) => drawn.toSorted((first, second) => first - second));
/** Of every kind, with what the kind needs and sometimes with what others do. */
const load = fc
  .record(
    {
      kind: fc.constantFrom(...WORKLOAD_KINDS),
      ratePerSecond: number(0, 1_000_000),
      users: fc.integer({ min: 1, max: 100_000 }),
      thinkTimeMs: number(0, 3_600_000),
      burstFactor: number(1, 4),
      burstMs: number(1, 86_400_000),
      burstShare: number(0.0001, 0.2),
      amplitude: number(0, 1),
      periodMs: number(1, 1e10),
      toRatePerSecond: number(0, 1_000_000),
      startMs: number(0, 1e8),
      lengthMs: number(1, 1e8),
      spikeFactor: number(0, 1000),
      batchSize: fc.integer({ min: 1, max: 10_000 }),
      arrivalsMs: arrivals,
    },
    { requiredKeys: ["kind"] },
  )
  .chain((drawn) =>
    (drawn.kind === "replay" ? arrivals : fc.constant(drawn.arrivalsMs)).map((arrivalsMs) => ({
      ...drawn,
      arrivalsMs,
    })),
  );
/** Whole and valid, with options on everything, up to eight components and ten links without a cycle. */
export const anyArchitecture: fc.Arbitrary<Architecture> = fc
  .uniqueArray(component, { minLength: 1, maxLength: 8, selector: (each) => each.id })
  .chain((components) => {
    const at = fc.nat(components.length - 1);
    const plainLink = fc.record({
      ends: fc.tuple(at, at),
      latency: distribution(60_000),
      timeoutMs: fc.integer({ min: 0, max: 600_000 }),
      retries: fc.integer({ min: 0, max: 10 }),
      retryBackoffMs: fc.integer({ min: 0, max: 60_000 }),
      callsPerRequest: number(0, 100),
      weight: number(0, 1000),
      asynchronous: fc.boolean(),
    });
    const link = fc.tuple(plainLink, optionsOf(LINK_OPTIONS)).map(([own, options]) => ({ ...options, ...own }));
    const workload = fc
      .tuple(fc.record({ at }), load, optionsOf(WORKLOAD_OPTIONS))
      .map(([place, rest, options]) => ({ ...options, ...place, ...rest }));
    return fc
      .record({ links: fc.array(link, { maxLength: 10 }), workloads: fc.array(workload, { maxLength: 4 }) })
      .map((drawn) => {
        const partial: PartialArchitecture = {
          components,
          // Calls go from lower to higher places only, so there is no cycle.
          links: drawn.links.flatMap(({ ends, ...rest }) => {
            const from = components[Math.min(...ends)];
            const to = components[Math.max(...ends)];
            if (from === undefined || to === undefined || from === to || to.kind === "client") return [];
            return [{ from: from.id, to: to.id, ...rest }];
          }),
          workloads: drawn.workloads.flatMap(({ at: place, ...rest }) => {
            const client = components[place];
            return client?.kind === "client" ? [{ component: client.id, ...rest }] : [];
          }),
        };
        return completeArchitecture(partial).architecture;
      });
  });

const served = {
  balancing: "weighted",
  instanceWeights: [1, 0.5],
  discipline: "priority",
  cpus: 1.5,
  shed: "oldest",
  holdsSlot: false,
  dropsExpired: true,
  rateLimit: { perSecond: 0.5, burst: 3, whenExceeded: "wait" },
  autoscaler: {
    minInstances: 2,
    maxInstances: 9,
    targetUtilization: 0.7,
    intervalMs: 1000,
    startDelayMs: 0,
    scaleDownDelayMs: 60_000,
  },
};

/** Every option on something; only 0 and false where they differ from absent. */
export const { architecture: everyOption } = completeArchitecture({
  components: [
    { id: "people", kind: "client" },
    {
      id: "cache",
      kind: "cache",
      instances: 3,
      ...served,
      cache: { keys: 1000, skew: 0, capacity: 10, policy: "ttl", ttlMs: 50, ttlResetsOnHit: true, singleFlight: true },
    },
    {
      id: "db",
      kind: "database",
      instances: 2,
      choices: 3,
      readWriteSplit: true,
      locks: { keys: 50, skew: 1.1, share: 0 },
    },
  ],
  links: [
    { from: "people", to: "cache" },
    {
      from: "cache",
      to: "db",
      timeoutCancels: true,
      retryJitter: "none",
      retryBudget: { ratio: 0, burst: 0, scope: "tier" },
      breaker: { failures: 2, openMs: 0, probes: 3 },
      hedgeAfterMs: 20.5,
      maxConnections: 5,
      connectionQueue: 0,
      connectionTimeoutMs: 100,
      lossRatio: 0.01,
      retransmitMs: 200,
      bandwidthMbps: 0.5,
      requestKb: 0,
      answerKb: 64.5,
    },
  ],
  workloads: [
    {
      component: "people",
      priority: 9,
      deadlineMs: 250,
      writeShare: 0.1,
      workFactor: 0,
      sessions: 70,
      sessionSkew: 0.9,
    },
  ],
});
