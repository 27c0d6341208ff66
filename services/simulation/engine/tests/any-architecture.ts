/*
 * Small architectures of every kind for property tests, with every option of components, links and workloads now and then.
 *
 * A chain leads from the client through every station, with calls that skip one thrown in, so that work, waiting and failures
 * meet. Values are few and extreme (no work, no room, always failing, one core for four), because what breaks an engine is
 * two options that meet and not a particular number.
 */
import fc from "fast-check";
import type { Architecture, Component, Distribution, Link, Workload } from "../src/architecture.ts";
import { component, link } from "../src/scenario.ts";

const distribution: fc.Arbitrary<Distribution> = fc
  .record({
    kind: fc.constantFrom<Distribution["kind"][]>(
      ...([
        "constant",
        "exponential",
        "erlang",
        "gamma",
        "lognormal",
        "hyperexponential",
        "pareto",
        "empirical",
      ] as const),
    ),
    meanMs: fc.constantFrom(0, 0.5, 5, 40),
    cv: fc.constantFrom(0, 0.5, 2),
  })
  .map(({ kind, meanMs, cv }): Distribution => {
    if (kind === "empirical") return { kind, meanMs: 0, cv: 0, points: pointsUpTo(meanMs) };
    if (kind === "pareto") return { kind, meanMs, cv, tailIndex: 1.2, maxMs: 100 * meanMs + 1 };
    return {
      kind,
      meanMs,
      cv: kind === "erlang" ? Math.min(cv, 1) : kind === "hyperexponential" ? Math.max(cv, 1) : cv,
    };
  });

function pointsUpTo(meanMs: number): NonNullable<Distribution["points"]> {
  return [
    { upToMs: meanMs, weight: 3 },
    { upToMs: 2 * meanMs + 1, weight: 1 },
  ];
}

/** Any of the fields or none. */
function some<Fields>(fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }): fc.Arbitrary<Partial<Fields>> {
  return fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<Fields>>;
}

const balancing = fc.constantFrom<NonNullable<Component["balancing"]>[]>(
  ...(["power_of_two", "random", "round_robin", "least_connections", "weighted", "consistent_hash"] as const),
);

const stationOptions = some({
  balancing,
  discipline: fc.constantFrom<NonNullable<Component["discipline"]>[]>("fifo", "lifo", "priority"),
  cpus: fc.constantFrom(0.3, 1, 2.5),
  shed: fc.constantFrom<NonNullable<Component["shed"]>[]>("newest", "oldest"),
  holdsSlot: fc.boolean(),
  dropsExpired: fc.boolean(),
  rateLimit: fc.record({
    perSecond: fc.constantFrom(5, 60),
    burst: fc.constantFrom(1, 7.5),
    whenExceeded: fc.constantFrom<("reject" | "wait")[]>("reject", "wait"),
  }),
  autoscaler: fc.record({
    minInstances: fc.constant(1),
    maxInstances: fc.constantFrom(3, 5),
    targetUtilization: fc.constantFrom(0.2, 0.7),
    intervalMs: fc.constantFrom(150, 400),
    startDelayMs: fc.constantFrom(0, 100),
    scaleDownDelayMs: fc.constantFrom(0, 200),
  }),
});

const databaseOptions = some({
  readWriteSplit: fc.constant(true),
  locks: fc.record({ keys: fc.constantFrom(1, 4), skew: fc.constantFrom(0, 1), share: fc.constantFrom(0.3, 1) }),
});

const keyedCache = fc.record({
  keys: fc.constantFrom(1, 20),
  skew: fc.constant(0.8),
  capacity: fc.constantFrom(1, 8),
  policy: fc.constantFrom<("lru" | "lfu" | "ttl")[]>("lru", "lfu", "ttl"),
  ttlMs: fc.constant(50),
  singleFlight: fc.boolean(),
});

const station = fc.record({
  kind: fc.constantFrom<Component["kind"][]>("load_balancer", "service", "cache", "database", "queue", "external"),
  given: fc.record({
    instances: fc.integer({ min: 1, max: 3 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    serviceTime: distribution,
    queueCapacity: fc.constantFrom(0, 2, 1000),
    errorRatio: fc.constantFrom(0, 0.2, 1),
    hitRatio: fc.constantFrom(0, 0.6),
    fanOut: fc.constantFrom<Component["fanOut"][]>("sequential", "parallel"),
  }),
  options: stationOptions,
  database: databaseOptions,
  cache: fc.option(keyedCache),
});

const call: fc.Arbitrary<Partial<Link>> = fc
  .tuple(
    fc.record({
      latency: distribution,
      timeoutMs: fc.constantFrom(0, 10, 60),
      retries: fc.integer({ min: 0, max: 2 }),
      retryBackoffMs: fc.constantFrom(0, 15),
      callsPerRequest: fc.constantFrom(0, 0.4, 1, 2.5),
      weight: fc.constantFrom(1, 3),
      asynchronous: fc.boolean(),
    }),
    some({
      timeoutCancels: fc.boolean(),
      retryJitter: fc.constantFrom<("full" | "none")[]>("full", "none"),
      retryBudget: fc.record({
        ratio: fc.constantFrom(0, 0.3),
        burst: fc.constantFrom(0, 3),
        scope: fc.constantFrom<("client" | "tier")[]>("client", "tier"),
      }),
      breaker: fc.record({
        failures: fc.constantFrom(1, 3),
        openMs: fc.constantFrom(0, 80),
        probes: fc.constantFrom(1, 2),
      }),
      hedgeAfterMs: fc.constantFrom(0.2, 8),
      maxConnections: fc.constantFrom(1, 3),
      connectionQueue: fc.constantFrom(0, 2, 100),
      connectionTimeoutMs: fc.constantFrom(0, 20),
      lossRatio: fc.constantFrom(0.2, 1),
      retransmitMs: fc.constantFrom(0, 10),
      bandwidthMbps: fc.constantFrom(1, 10),
      requestKb: fc.constantFrom(0, 2),
      answerKb: fc.constantFrom(0, 20),
    }),
  )
  .map(([given, options]) => ({ ...given, ...options }));

const workload = fc
  .tuple(
    fc.record({
      kind: fc.constantFrom<Exclude<Workload["kind"], "replay">[]>(
        ...(["poisson", "constant", "closed", "bursty", "diurnal", "ramp", "spike", "batch"] as const),
      ),
      ratePerSecond: fc.constantFrom(1, 20, 100),
      users: fc.integer({ min: 1, max: 5 }),
      thinkTimeMs: fc.constantFrom(0, 30),
    }),
    some({
      priority: fc.constantFrom(0, 3, 9),
      deadlineMs: fc.constantFrom(5, 50),
      writeShare: fc.constantFrom(0.4, 1),
      workFactor: fc.constantFrom(0, 0.7, 3),
      sessions: fc.constantFrom(1, 30),
      sessionSkew: fc.constantFrom(0, 1),
    }),
  )
  .map(([given, options]) => ({
    ...{ burstMs: 100, periodMs: 700, toRatePerSecond: 50, startMs: 300, lengthMs: 400, batchSize: 7 },
    ...given,
    ...options,
  }));

/** A client, one to four stations behind it, and who drives them. Always valid. */
export const anyArchitecture: fc.Arbitrary<Architecture> = fc
  .record({
    stations: fc.array(station, { minLength: 1, maxLength: 4 }),
    calls: fc.array(call, { minLength: 8, maxLength: 8 }),
    skips: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fanOut: fc.constantFrom<Component["fanOut"][]>("sequential", "parallel"),
    workloads: fc.array(workload, { minLength: 1, maxLength: 2 }),
  })
  .map(({ stations, calls, skips, fanOut, workloads }) => {
    const ids = ["client", ...stations.map((_, index) => `station-${index}`)];
    const steps = ids.slice(1).map((to, index) => link(ids[index] ?? "", to, calls[index]));
    const skipping = ids.slice(2).map((to, index) => link(ids[index] ?? "", to, calls[index + 4]));
    return {
      components: [
        component("client", "client", { fanOut }),
        ...stations.map((one, index) => stationOf(one, index, index === stations.length - 1)),
      ],
      links: [...steps, ...skipping.filter((_, index) => skips[index])],
      workloads: workloads.map((one, index) => ({ id: `load-${index}`, component: "client", ...one })),
    };
  });

type Station = typeof station extends fc.Arbitrary<infer Value> ? Value : never;

/** Leaves out what its kind must not have. A balancer needs somebody behind it. */
function stationOf({ kind, given, options, database, cache }: Station, index: number, isLast: boolean): Component {
  const own = kind === "load_balancer" && isLast ? "service" : kind;
  const { readWriteSplit, locks } = own === "database" ? database : {};
  const splits = readWriteSplit === true && given.instances > 1;
  const { autoscaler } = options;
  return component(`station-${index}`, own, {
    ...given,
    ...options,
    ...(autoscaler && { autoscaler: { ...autoscaler, minInstances: splits ? 2 : 1 } }),
    ...(options.balancing === "power_of_two" && { choices: 2 + (index % 3) }),
    ...(options.balancing === "weighted" && own !== "load_balancer" && { instanceWeights: [2] }),
    ...(splits && { readWriteSplit }),
    ...(locks && { locks }),
    ...(own === "cache" && cache !== null && { cache }),
  });
}
