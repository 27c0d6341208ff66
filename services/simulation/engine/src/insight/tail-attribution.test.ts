import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Architecture, Component, Distribution, Link } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { runReplication } from "../replications/run-replication.ts";
import { component, constant, constantRate, exponential, link, poisson, simulate, singleStation } from "../scenario.ts";
import { latencyParts, latencyPartsNs } from "./latency-parts.ts";
import { attributeTail, mergeTails, type TailAttribution, traceEveryFor } from "./tail-attribution.ts";

const duration: fc.Arbitrary<Distribution> = fc.record({
  kind: fc.constantFrom("constant", "exponential", "lognormal"),
  meanMs: fc.constantFrom(0, 0.5, 5, 20),
  cv: fc.constantFrom(0.5, 2),
});
const optional = <T>(value: T) => fc.constantFrom<(T | undefined)[]>(undefined, undefined, value);

const station = fc.record({
  kind: fc.constantFrom<Component["kind"][]>("load_balancer", "service", "cache", "database", "queue"),
  instances: fc.integer({ min: 1, max: 3 }),
  concurrency: fc.integer({ min: 1, max: 5 }),
  serviceTime: duration,
  queueCapacity: fc.constantFrom(2, 1000),
  errorRatio: fc.constantFrom(0, 0.1),
  hitRatio: fc.constantFrom(0, 0.5),
  fanOut: fc.constantFrom<Component["fanOut"][]>("sequential", "parallel"),
  shed: fc.constantFrom<("newest" | "oldest")[]>("newest", "oldest"),
  discipline: fc.constantFrom<("fifo" | "lifo")[]>("fifo", "lifo"),
  holdsSlot: fc.boolean(),
  cpus: optional(1.5),
  rateLimit: optional({ perSecond: 60, burst: 2, whenExceeded: "wait" as const }),
  locks: optional({ keys: 2, skew: 1, share: 0.5 }),
  cache: optional({ keys: 5, skew: 0.8, capacity: 2, policy: "lru" as const, ttlMs: 30, singleFlight: true }),
});

const call = fc.record({
  latency: duration,
  timeoutMs: fc.constantFrom(0, 15, 60),
  timeoutCancels: fc.boolean(),
  retries: fc.integer({ min: 0, max: 2 }),
  retryBackoffMs: fc.constantFrom(0, 15),
  retryBudget: optional({ ratio: 0.5, scope: "client" as const }),
  breaker: optional({ failures: 3, openMs: 40 }),
  hedgeAfterMs: fc.constantFrom(0, 0, 8),
  maxConnections: fc.constantFrom(0, 2),
  connectionTimeoutMs: fc.constantFrom(0, 10),
  lossRatio: fc.constantFrom(0, 0.05),
  retransmitMs: fc.constantFrom(0, 7),
  bandwidthMbps: fc.constantFrom(0, 2),
  callsPerRequest: fc.constantFrom(0.4, 1, 2.5),
  asynchronous: fc.constantFrom(false, false, true),
});

/** Optional fields that a kind does not take, or two that exclude each other, are left out. */
function allowed(given: Partial<Component> & Pick<Component, "kind">, isLast: boolean): Partial<Component> {
  const { cache, locks, rateLimit, cpus, kind, ...rest } = given;
  return {
    ...rest,
    kind: kind === "load_balancer" && isLast ? "service" : kind,
    ...(cpus === undefined ? {} : { cpus }),
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(locks === undefined || kind !== "database" ? {} : { locks }),
    ...(cache === undefined || kind !== "cache" ? {} : { cache }),
  };
}

function withoutAbsent(given: object): Partial<Link> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== 0));
}

/** A chain from the client through every station, with calls that skip one. */
const architecture: fc.Arbitrary<Architecture> = fc
  .record({
    stations: fc.array(station, { minLength: 1, maxLength: 4 }),
    calls: fc.array(call, { minLength: 8, maxLength: 8 }),
    fanOut: fc.constantFrom<Component["fanOut"][]>("sequential", "parallel"),
  })
  .map(({ stations, calls, fanOut }) => {
    const ids = ["client", ...stations.map((_, index) => `s${index}`)];
    const links = [
      ...ids.slice(1).map((to, index) => link(ids[index] ?? "", to, withoutAbsent(calls[index] ?? {}))),
      ...ids.slice(2).map((to, index) => link(ids[index] ?? "", to, withoutAbsent(calls[index + 4] ?? {}))),
    ];
    return {
      components: [
        component("client", "client", { fanOut }),
        ...stations.map((given, index) => {
          const fitting = allowed(given as Parameters<typeof allowed>[0], index === stations.length - 1);
          return component(`s${index}`, fitting.kind ?? "service", fitting);
        }),
      ],
      links,
      workloads: [poisson("client", 80)],
    };
  });

function traced(given: Architecture, options: { durationMs?: number; seed?: number } = {}) {
  const simulation = simulate(given, { durationMs: 2000, traceEvery: 1, ...options });
  return { simulation, model: compileModel(given), requests: simulation.tracedRequests() };
}

/** "component/part" to ms, of the only request that was answered well or the mean over all. */
function partsOf(given: Architecture): Record<string, number> {
  const { model, requests } = traced(given);
  return Object.fromEntries(
    attributeTail(model, requests).parts.map(({ component: id, part, allMs }) => [`${id}/${part}`, allMs]),
  );
}

describe("latencyPartsNs", () => {
  test("divides every request's latency without a rest, whatever happens to it on the way", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(architecture, (given) => {
        const { simulation, model, requests } = traced(given, { durationMs: 600 });
        const answered = requests.filter(([root]) => root?.outcome === "completed");
        expect(answered).toHaveLength(simulation.results().completed);
        for (const spans of answered) {
          const times = latencyPartsNs(model, spans);
          const latencyNs = (spans[0]?.finishedNs ?? 0) - (spans[0]?.calledNs ?? 0);
          expect(times.reduce((sum, ns) => sum + ns, 0)).toBe(latencyNs);
          for (const [column, ns] of times.entries()) {
            expect(ns).toBeGreaterThanOrEqual(0);
            const part = latencyParts[column % latencyParts.length] as string;
            const { rateLimit, locks, cache } = model.components[Math.floor(column / latencyParts.length)] ?? {};
            if (ns > 0) seen.add(part);
            // What is left over when a path has a gap would show here.
            if (part === "waiting" && !rateLimit && !locks && !cache) expect(ns).toBe(0);
          }
        }
      }),
      { numRuns: 40, seed: 3 },
    );
    expect([...seen].sort()).toEqual([...latencyParts].sort());
  });

  test("follows sequential calls one after the other, and of parallel ones the slowest", () => {
    const fan = (fanOut: Component["fanOut"]): Architecture => ({
      components: [
        component("client", "client"),
        component("api", "service", { serviceTime: constant(1), fanOut }),
        component("fast", "service", { serviceTime: constant(3) }),
        component("slow", "database", { serviceTime: constant(20) }),
      ],
      links: [link("client", "api", { latency: constant(2) }), link("api", "fast"), link("api", "slow")],
      workloads: [constantRate("client", 10)],
    });
    const whole = { "api/service": 1, "api/network": 2, "slow/service": 20 };
    expect(partsOf(fan("sequential"))).toEqual({ ...whole, "fast/service": 3 });
    expect(partsOf(fan("parallel"))).toEqual(whole);
  });

  test("leaves calls that nobody waits for out", () => {
    const given = {
      components: [
        component("client", "client"),
        component("api", "service", { serviceTime: constant(1) }),
        component("mail", "service", { serviceTime: constant(50) }),
      ],
      links: [link("client", "api"), link("api", "mail", { asynchronous: true })],
      workloads: [constantRate("client", 10)],
    };
    expect(partsOf(given)).toEqual({ "api/service": 1 });
  });

  test("tells pauses from attempts that came to nothing", () => {
    // The first attempt finds the only slot taken by the request before, and its 30 ms pass before it is done.
    const given = {
      ...singleStation(0, { serviceTime: constant(40), queueCapacity: 0 }),
      links: [
        link("client", "station", {
          retries: 3,
          retryBackoffMs: 16,
          retryJitter: "none" as const,
          latency: constant(2),
        }),
      ],
      workloads: [{ ...constantRate("client", 0), kind: "replay" as const, arrivalsMs: [0, 10] }],
    };
    const { model, requests } = traced(given);
    const [, second] = requests;
    const times = [...latencyPartsNs(model, second ?? [])].slice(latencyParts.length).map((ns) => ns / 1e6);
    // Refused after 2 ms, 16 ms of pause, refused, 32 ms, served.
    expect(times).toEqual([0, 40, 2, 0, 48, 4, 0]);
  });

  test("counts the time until a hedge that wins as lost, and a wait for a connection as such", () => {
    const slowFirst = {
      ...singleStation(0, { serviceTime: constant(30), instances: 2, balancing: "round_robin" as const }),
      links: [link("client", "station", { hedgeAfterMs: 10, maxConnections: 2 })],
      workloads: [{ ...constantRate("client", 0), kind: "replay" as const, arrivalsMs: [0, 0, 0] }],
    };
    const { model, requests } = traced(slowFirst);
    const times = requests.map((spans) =>
      [...latencyPartsNs(model, spans)].slice(latencyParts.length).map((ns) => ns / 1e6),
    );
    // Two connections for three requests: no hedge is sent while both are used.
    expect(times).toEqual([
      [0, 30, 0, 0, 0, 0, 0],
      [0, 30, 0, 0, 0, 0, 0],
      [0, 30, 0, 30, 0, 0, 0],
    ]);
  });

  test("calls the time in another request's fetch waiting", () => {
    const cache = { keys: 1, skew: 0, capacity: 1, policy: "ttl" as const, ttlMs: 1, singleFlight: true };
    const given = {
      components: [
        component("client", "client"),
        component("cache", "cache", { concurrency: 10, cache }),
        component("db", "database", { serviceTime: constant(20) }),
      ],
      links: [link("client", "cache"), link("cache", "db")],
      workloads: [{ ...constantRate("client", 0), kind: "replay" as const, arrivalsMs: [0, 5] }],
    };
    const { model, requests } = traced(given);
    const { parts } = attributeTail(model, requests.slice(1));
    expect(parts).toEqual([{ component: "cache", part: "waiting", allMs: 15, tailMs: 15 }]);
  });
});

describe("attributeTail", () => {
  test("agrees with the figures of the run, and finds the queue in the tail", () => {
    const { model, requests, simulation } = traced(singleStation(80, { serviceTime: exponential(10) }), {
      durationMs: 60_000,
    });
    const { parts, requests: count, tailRequests, tailFromMs } = attributeTail(model, requests);
    const { latency, completed, components } = simulation.results();
    expect([count, tailRequests]).toEqual([completed, Math.ceil(completed / 20)]);
    expect(parts.reduce((sum, { allMs }) => sum + allMs, 0)).toBeCloseTo(latency.meanMs, 6);
    expect(tailFromMs / latency.p95Ms).toBeCloseTo(1, 1);
    const queue = parts.find(({ part }) => part === "queue");
    expect((queue?.allMs ?? 0) / (components[1]?.waitMeanMs ?? 1)).toBeCloseTo(1, 1);
    const tailMs = parts.reduce((sum, one) => sum + one.tailMs, 0);
    expect((queue?.tailMs ?? 0) / tailMs).toBeGreaterThan(0.85);
  });

  test("has nothing to say of nothing", () => {
    const { model } = traced(singleStation(0, {}));
    expect(attributeTail(model, [])).toEqual({ requests: 0, tailRequests: 0, tailFromMs: 0, parts: [] });
    expect(mergeTails([attributeTail(model, [])])).toBeUndefined();
  });
});

describe("mergeTails", () => {
  const tail = (queueMs: number): TailAttribution => ({
    requests: 100,
    tailRequests: 5,
    tailFromMs: 40,
    parts: [
      { component: "db", part: "service", allMs: 10, tailMs: 10 },
      ...(queueMs === 0 ? [] : [{ component: "db", part: "queue" as const, allMs: 5, tailMs: queueMs }]),
    ],
  });

  test("gives the mean share over the replications with its interval, where a part that is missing counts as 0", () => {
    const merged = mergeTails([tail(30), tail(10), tail(0)]);
    expect(merged?.parts.map(({ part }) => part)).toEqual(["service", "queue"]);
    const queue = merged?.parts[1];
    expect(queue?.share.value).toBeCloseTo((0.75 + 0.5 + 0) / 3, 12);
    expect(queue?.share.low).toBe(0);
    expect(queue?.share.high).toBe(1);
    expect(merged).toMatchObject({ replications: 3, requests: 300, tailRequests: 15 });
    expect(merged?.parts.reduce((sum, { share }) => sum + share.value, 0)).toBeCloseTo(1, 12);
  });
});

describe("traceEveryFor", () => {
  test.each([
    [poisson("client", 100), 40],
    [{ ...poisson("client", 0), kind: "closed" as const, users: 10, thinkTimeMs: 90 }, 40],
    [poisson("client", 0.1), 1],
  ])("lets about as many be traced as are wanted", (workload, every) => {
    const model = compileModel({ ...singleStation(0, { serviceTime: constant(10) }), workloads: [workload] });
    expect(traceEveryFor(model, { durationMs: 900_000, warmupMs: 100_000, count: 2000 })).toBe(every);
  });
});

describe("runReplication", () => {
  const station = singleStation(80, { serviceTime: exponential(10) });
  const options = { seed: 4, durationMs: 20_000, warmupMs: 5000, load: 1, slices: 40 };

  test("traces about as many requests as are wanted, and samples the queues after the warm-up", () => {
    const plain = runReplication(station, options);
    const { tail, queues, ...rest } = runReplication(station, { ...options, tracedRequests: 100, samplesQueues: true });
    expect(rest).toEqual(plain);
    expect(tail?.requests).toBeGreaterThan(80);
    expect(tail?.requests).toBeLessThan(125);
    const lengths = queues?.lengths[1] ?? [];
    expect(lengths).toHaveLength(30);
    const mean = lengths.reduce((sum, length) => sum + length, 0) / 30;
    expect(mean).toBeCloseTo(plain.results.components[1]?.queueLengthMean ?? 0, 9);
  });
});
