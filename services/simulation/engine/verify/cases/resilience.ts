/**
 * What keeps calls in bounds: breakers, token buckets, hedges, and instances that fail and are mended.
 *
 * A breaker that trips after n failures in a row goes through cycles: calls until it trips, (p⁻ⁿ − 1) ÷ (1 − p) on average, then
 * refusals for its time, once more for every probe that fails. A hedge ends by the first of two answers (Dean and Barroso 2013).
 * k of n: a request makes k calls at once to n instances of one slot and no queue, so it succeeds when k of them are up.
 */
import type { PlannedChange } from "../../src/changes.ts";
import { RandomStream } from "../../src/random.ts";
import { component, constant, exponential, link, poisson, singleStation } from "../../src/scenario.ts";
import { type Case, histogramBias } from "../case.ts";
import { arrivalsPer, lengthOf, of, ofStation, ofSystem } from "../read.ts";
import { callsUntilFailuresInARow } from "../theory.ts";

const breakers = [
  { errorRatio: 0.5, precision: 0.05 },
  { errorRatio: 0.9, precision: 0.06 },
].map(({ errorRatio, precision }): Case => {
  const calls = callsUntilFailuresInARow(5, errorRatio);
  const probes = 1 / (1 - errorRatio);
  const refused = probes * 500;
  return {
    id: `V22-${errorRatio}`,
    what: `a breaker for 5 failures in a row, failures of ${errorRatio}, open for 5 s, 100 requests/s`,
    model: {
      ...singleStation(100, { concurrency: 100, errorRatio }),
      links: [link("client", "station", { breaker: { failures: 5, openMs: 5000 } })],
    },
    run: { durationMs: 2_000_000 },
    figures: [
      {
        name: "calls let through per refused",
        unit: "",
        exact: (calls + probes) / refused,
        precision,
        read: ofStation((one) => one.arrivals / one.refusedByBreaker),
      },
      {
        name: "refused",
        unit: "",
        exact: refused / (refused + calls + probes),
        precision: 0.005,
        read: ({ results }) => {
          const [client, station] = results.components;
          return (station?.refusedByBreaker ?? 0) / (client?.arrivals ?? 0);
        },
      },
    ],
  };
});

const tokenBucket: Case = {
  id: "V27b",
  what: "100/s with a burst of 50, asked 150 times a second for 10 s",
  model: {
    ...singleStation(0, { concurrency: 100, rateLimit: { perSecond: 100, burst: 50 } }),
    workloads: [
      { ...poisson("client", 0), kind: "replay", arrivalsMs: Array.from({ length: 1500 }, (_, k) => (k * 1000) / 150) },
    ],
  },
  run: { durationMs: 10_000, isFixed: true },
  figures: [
    // The last comes before the end, when the last token is not whole.
    { name: "admitted", unit: "", exact: 1050, bias: 0.001, precision: 0, read: ofStation((one) => one.completed) },
    { name: "refused", unit: "", exact: 450, bias: 0.0023, precision: 0, read: ofStation((one) => one.limited) },
  ],
};

const hedged = (hedgeAfterMs: number) => ({
  ...singleStation(100, { concurrency: 10_000, serviceTime: exponential(10) }),
  links: [link("client", "station", { hedgeAfterMs })],
});

/** Calls of the warm-up that are under way when it ends and whose requests are answered. */
const left = 0.0002;

const hedges: Case[] = [
  {
    id: "V28",
    what: "every call twice, 10 ms exponential: the first answer counts",
    // A nanosecond later, which is a hedge that always happens.
    model: hedged(0.000_001),
    run: lengthOf(30_000, 100, 1),
    figures: [
      { name: "latency mean", unit: "ms", exact: 5, precision: 0.003, read: ofSystem((run) => run.latency.meanMs) },
      {
        name: "p99",
        unit: "ms",
        exact: 23.03,
        bias: histogramBias,
        precision: 0.01,
        read: ofSystem((run) => run.latency.p99Ms),
      },
      { name: "calls", unit: "", exact: 2, bias: left, precision: 0.001, read: arrivalsPer("station", "client") },
    ],
  },
  {
    id: "V28-late",
    what: "a second call when there is no answer by the 95th percentile",
    model: hedged(10 * Math.log(20)),
    run: lengthOf(60_000, 100, 1),
    figures: [
      { name: "calls", unit: "", exact: 1.05, bias: left, precision: 0.001, read: arrivalsPer("station", "client") },
      {
        name: "p99",
        unit: "ms",
        exact: 38,
        bias: histogramBias,
        precision: 0.01,
        read: ofSystem((run) => run.latency.p99Ms),
      },
    ],
  },
  {
    id: "V28-never",
    what: "the same without a second call",
    model: hedged(0),
    run: lengthOf(60_000, 100, 1),
    figures: [
      {
        name: "p99",
        unit: "ms",
        exact: 46.05,
        bias: histogramBias,
        precision: 0.01,
        read: ofSystem((run) => run.latency.p99Ms),
      },
    ],
  },
];

/** Of the published case's 1000 h and 10 h only the ratio counts, so hours are seconds here. */
const meanUpSeconds = 1000;
const meanDownSeconds = 10;
const outageSeconds = 300_000;

/** Each of the instances fails and is mended by chance of its own, exponentially. */
function outages(instances: number): (replication: number) => PlannedChange[] {
  return (replication) =>
    Array.from({ length: instances }, (_, instance) => {
      const stream = new RandomStream(replication, `outages of ${instance}`);
      const changes: PlannedChange[] = [];
      const named = { component: "station", instances: [instance] };
      for (let atMs = 0; ; ) {
        atMs += meanUpSeconds * 1000 * stream.exponential();
        if (atMs > outageSeconds * 1000) return changes;
        changes.push({ atMs, change: { kind: "down", ...named, inFlight: "fail", isNoticed: true } });
        atMs += meanDownSeconds * 1000 * stream.exponential();
        if (atMs > outageSeconds * 1000) return changes;
        changes.push({ atMs, change: { kind: "up", ...named } });
      }
    })
      .flat()
      .sort((a, b) => a.atMs - b.atMs);
}

const nodeUp = meanUpSeconds / (meanUpSeconds + meanDownSeconds);
const kOfN = [
  { needed: 3, nodes: 3, available: nodeUp ** 3, precision: 0.05 },
  { needed: 2, nodes: 3, available: 3 * nodeUp ** 2 * (1 - nodeUp) + nodeUp ** 3, precision: 0.15 },
  { needed: 1, nodes: 2, available: 1 - (1 - nodeUp) ** 2, precision: 0.25 },
].map(
  ({ needed, nodes, available, precision }): Case => ({
    id: `V26-${needed}-of-${nodes}`,
    what: `${needed} of ${nodes} nodes needed, which fail after 1000 s and are mended in 10`,
    model: {
      components: [
        component("client", "client", { fanOut: "parallel" }),
        component("station", "service", {
          ...{ instances: nodes, queueCapacity: 0, balancing: "least_connections" },
          serviceTime: constant(0.001),
        }),
      ],
      links: [link("client", "station", { callsPerRequest: needed })],
      // So seldom that two are never there at once.
      workloads: [{ ...poisson("client", 0.2), kind: "constant" }],
    },
    run: { durationMs: outageSeconds * 1000, isFixed: true, changes: outages(nodes) },
    figures: [
      { name: "unavailable", unit: "", exact: 1 - available, precision, read: ofSystem((run) => run.errorRatio) },
      {
        name: "available",
        unit: "",
        exact: available,
        precision: 0.002,
        read: ofSystem((run) => 1 - run.errorRatio),
      },
      {
        name: "nodes up",
        unit: "",
        exact: nodeUp,
        precision: 0.001,
        read: of("station", (one) => one.instancesMean / nodes),
      },
    ],
  }),
);

export const resilience: readonly Case[] = [...breakers, tokenBucket, ...hedges, ...kOfN];
