/** Studies by hand, for the tests of the report. */
import type { Architecture, Component } from "../architecture.ts";
import type { ComponentStudy, Estimate, LatencyEstimates, SeriesPoint, Study } from "../replications/study.ts";
import { component, exponential, link, poisson } from "../scenario.ts";

/** An interval of ± 6 %. */
export function around(value: number): Estimate {
  return { value, low: value * 0.94, high: value * 1.06 };
}

export function latencyAround(medianMs: number): LatencyEstimates {
  const factors = { meanMs: 1.3, p50Ms: 1, p90Ms: 2.4, p95Ms: 3.1, p99Ms: 4.8, p999Ms: 8 };
  const entries = Object.entries(factors).map(([field, factor]) => [field, around(medianMs * factor)]);
  return Object.fromEntries(entries) as unknown as LatencyEstimates;
}

export function studyOf({ components }: Architecture, given: Partial<Study> = {}): Study {
  return {
    replications: 20,
    seed: 42,
    durationMs: 300_000,
    warmupMs: 24_000,
    warmupFrom: "detected",
    events: 1_234_567,
    throughputPerSecond: around(120),
    goodputPerSecond: around(120),
    goodputRatio: { value: 1, low: 1, high: 1 },
    errorRatio: around(0),
    latency: latencyAround(38),
    components: components.map(componentStudy),
    series: Array.from({ length: 120 }, (_, index) => seriesPoint(index, 2500)),
    latencyCurve: Array.from({ length: 90 }, (_, index) => curvePoint(index)),
    bottlenecks: [],
    warnings: [],
    ...given,
  };
}

function componentStudy({ id, name, kind, instances }: Component, index: number): ComponentStudy {
  const utilization = kind === "client" ? 0 : Math.min(0.97, 0.08 + ((index * 37) % 90) / 100);
  return {
    id,
    name,
    kind,
    instances,
    instancesMean: { value: instances, low: instances, high: instances },
    utilization: around(utilization),
    presentAtLeast: [1, utilization],
    throughputPerSecond: around(120),
    queueLengthMean: around(utilization ** 4 * 3),
    waitMeanMs: around(utilization ** 4 * 25),
    waitProbability: around(utilization ** 4),
    waitP99Ms: around(utilization ** 4 * 120),
    errorRatio: around(0),
    shedPerSecond: around(0),
    limitedPerSecond: around(0),
    refusedPerSecond: around(0),
    backlogMean: around(0),
    latency: latencyAround(8 + 2 * index),
  };
}

function seriesPoint(index: number, sliceMs: number): SeriesPoint {
  const filling = 1 - Math.exp(-(index + 1) / 4);
  const wobble = 1 + 0.06 * Math.sin(index * 1.7) + 0.04 * Math.sin(index * 0.61);
  return {
    simulatedMs: (index + 1) * sliceMs,
    requestsPerSecond: 120 * filling * wobble,
    failuresPerSecond: index % 40 === 30 ? 3 : 0,
    p50Ms: 38 * filling * wobble,
    p99Ms: 182 * filling * wobble ** 3,
    inFlight: 6 * filling * wobble,
  };
}

/** A log-logistic curve around 38 ms. */
function curvePoint(index: number): { upToMs: number; share: number } {
  const upToMs = 4 * 1.06 ** index;
  return { upToMs, share: 1 / (1 + (38 / upToMs) ** 3) };
}

export const shop: Architecture = {
  components: [
    component("web", "client", { name: "web shoppers" }),
    component("jobs", "client", { name: "nightly jobs" }),
    component("edge", "load_balancer", { concurrency: 500 }),
    component("checkout", "service", { instances: 4, concurrency: 32, serviceTime: exponential(6) }),
    component("catalogue", "service", { instances: 3, concurrency: 32 }),
    component("recommendations-with-a-long-name", "service", { instances: 2, concurrency: 16 }),
    component("sessions", "cache", { concurrency: 200 }),
    component("payments", "service", { instances: 2, concurrency: 16 }),
    component("payments-db", "database", { concurrency: 20 }),
    component("catalogue-db", "database", { instances: 2, concurrency: 20 }),
    component("orders", "queue", { concurrency: 64 }),
    component("mailer", "service", { concurrency: 8 }),
    component("card-network", "external", { concurrency: 100 }),
  ],
  links: [
    link("web", "edge"),
    link("jobs", "catalogue"),
    link("edge", "checkout"),
    link("edge", "catalogue"),
    link("edge", "sessions"),
    link("checkout", "payments"),
    link("checkout", "sessions"),
    link("checkout", "orders", { asynchronous: true }),
    link("catalogue", "recommendations-with-a-long-name", { callsPerRequest: 0.3 }),
    link("catalogue", "catalogue-db", { callsPerRequest: 2 }),
    link("recommendations-with-a-long-name", "catalogue-db"),
    link("payments", "payments-db", { callsPerRequest: 2 }),
    link("payments", "card-network"),
    link("orders", "mailer", { asynchronous: true }),
  ],
  workloads: [poisson("web", 110), poisson("jobs", 10)],
};

export const shopStudy: Study = studyOf(shop, {
  bottlenecks: [
    {
      component: "payments-db",
      reason: "highest-demand",
      message:
        "payments-db: its 20 slots are 71.4 % held at 240 requests/s, full at 336; requests wait 4.1 ms for a slot",
      utilization: 0.714,
      headroom: 1.4,
    },
    {
      component: "checkout",
      reason: "highest-demand",
      message: "checkout: its 128 slots are 58.1 % held at 110 requests/s, full at 189",
      utilization: 0.581,
      headroom: 1.72,
    },
  ],
  warnings: [
    "The interval of p99.9 rests on 11 requests per replication.",
    "The queue of mailer still grew at the end.",
  ],
});
