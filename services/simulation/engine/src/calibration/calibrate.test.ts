import { describe, expect, test } from "vitest";
import type { Distribution } from "../architecture.ts";
import { checkArchitecture } from "../check-architecture.ts";
import { momentsOf } from "../distribution-moments.ts";
import type { RandomStream } from "../random.ts";
import { simulate } from "../scenario.ts";
import { calibrate } from "./calibrate.ts";
import { SpanCollector } from "./spans.ts";
import { collect, poissonTimes, type SyntheticSystem, syntheticSpans } from "./synthetic-traces.ts";

const lognormal = (meanMs: number, cv: number) => (stream: RandomStream) => {
  const sigma = Math.sqrt(Math.log(1 + cv ** 2));
  return meanMs * Math.exp(sigma * stream.normal() - sigma ** 2 / 2);
};
const exponential = (meanMs: number) => (stream: RandomStream) => meanMs * stream.exponential();

const means = { frontend: 3, checkout: 8, catalog: 5, "postgresql-orders": 4, redis: 0.5, mailer: 20 };
const shop: SyntheticSystem = {
  entry: "frontend",
  arrivalsMs: poissonTimes(5000, 20),
  services: {
    frontend: {
      workMs: exponential(means.frontend),
      isParallel: true,
      calls: [
        { to: "checkout", networkMs: 1 },
        { to: "catalog", networkMs: 0.4 },
      ],
    },
    checkout: {
      workMs: lognormal(means.checkout, 0.7),
      failureRatio: 0.04,
      calls: [
        { to: "redis", peer: { kind: "cache", name: "redis" } },
        { to: "orders", ratio: 1.5, peer: { kind: "database", name: "postgresql-orders" } },
        { to: "mailer", ratio: 0.3, isMessage: true, peer: { kind: "queue", name: "kafka-mails" } },
      ],
    },
    catalog: {
      workMs: (stream) =>
        (means.catalog / 4) *
        (stream.exponential() + stream.exponential() + stream.exponential() + stream.exponential()),
    },
    redis: { workMs: exponential(means.redis) },
    orders: { workMs: exponential(means["postgresql-orders"]) },
    mailer: { workMs: exponential(means.mailer) },
  },
};
const calibration = calibrate(collect(syntheticSpans(shop)));
const { components, links, workloads } = calibration.architecture;
const componentOf = (id: string) => components.find((one) => one.id === id);
const accuracy = (value: number, truth: number) => 1 - Math.abs(value - truth) / truth;

describe("calibrate", () => {
  test("finds the components with their kinds, and exactly the links between them", () => {
    expect(Object.fromEntries(components.map(({ id, kind }) => [id, kind]))).toEqual({
      frontend: "service",
      checkout: "service",
      catalog: "service",
      redis: "cache",
      "postgresql-orders": "database",
      "kafka-mails": "queue",
      mailer: "service",
      "frontend-clients": "client",
    });
    expect(links.map(({ from, to, asynchronous }) => `${from} ${asynchronous ? "~>" : "->"} ${to}`).sort()).toEqual([
      "checkout -> kafka-mails",
      "checkout -> postgresql-orders",
      "checkout -> redis",
      "frontend -> catalog",
      "frontend -> checkout",
      "frontend-clients -> frontend",
      "kafka-mails ~> mailer",
    ]);
    expect([componentOf("frontend")?.fanOut, componentOf("checkout")?.fanOut]).toEqual(["parallel", "sequential"]);
  });

  test("recovers every service mean within 5 %, and their median within 2 %", () => {
    const accuracies = Object.entries(means).map(([id, mean]) =>
      accuracy(momentsOf(componentOf(id)?.serviceTime as Distribution).meanMs, mean),
    );
    expect(Math.min(...accuracies)).toBeGreaterThan(0.95);
    expect(accuracies.sort((a, b) => a - b)[accuracies.length >> 1]).toBeGreaterThan(0.98);
  });

  test("names the shapes of service times that have a name", () => {
    expect(componentOf("frontend")?.serviceTime.kind).toBe("exponential");
    expect(componentOf("checkout")?.serviceTime.kind).toBe("lognormal");
    expect(componentOf("catalog")?.serviceTime.kind).toBe("erlang");
  });

  test("recovers rate, calls per request, errors and network times", () => {
    const link = (to: string) => links.find((one) => one.to === to);
    expect(accuracy(workloads[0]?.ratePerSecond ?? 0, 50)).toBeGreaterThan(0.95);
    expect(workloads[0]?.kind).toBe("poisson");
    expect(link("postgresql-orders")?.callsPerRequest).toBeCloseTo(1.5, 1);
    expect(link("kafka-mails")?.callsPerRequest).toBeCloseTo(0.3, 1);
    expect(accuracy(componentOf("checkout")?.errorRatio ?? 0, 0.04)).toBeGreaterThan(0.8);
    expect(link("checkout")?.latency.meanMs).toBeCloseTo(1, 2);
  });

  test("gives a model that runs and takes as long as the traces did", () => {
    expect(checkArchitecture(calibration.architecture, 1)).toEqual([]);
    const spans = syntheticSpans(shop).filter(({ parent }) => parent === undefined);
    const measuredMs = spans.reduce((sum, { durationUs }) => sum + durationUs / 1000, 0) / spans.length;
    const simulatedMs = [1, 2, 3, 4].map(
      (seed) => simulate(calibration.architecture, { seed, durationMs: 60_000 }).results().latency.meanMs,
    );
    expect(accuracy(simulatedMs.reduce((sum, ms) => sum + ms, 0) / 4, measuredMs)).toBeGreaterThan(0.95);
  });

  test("takes waiting out of the service time of a busy station, and finds its one slot", () => {
    const spans = syntheticSpans({
      entry: "web",
      arrivalsMs: poissonTimes(15_000, 10),
      services: {
        web: { workMs: () => 1, calls: [{ to: "station", networkMs: 0.2 }] },
        station: { workMs: exponential(7), hasOneSlot: true },
      },
    });
    const { architecture, identified } = calibrate(collect(spans));
    const station = architecture.components.find(({ id }) => id === "station");
    // By M/M/1 the spans are 23.3 ms long, of which 7 are work.
    expect(accuracy(station?.serviceTime.meanMs ?? 0, 7)).toBeGreaterThan(0.95);
    expect(station?.concurrency).toBe(1);
    expect(identified.find(({ parameter }) => parameter === "station.serviceTime")?.evidence).toMatch(
      /with waiting the mean is 2\d/,
    );
  });

  test("says that waiting cannot be separated in a sample of traces", () => {
    const spans = syntheticSpans({
      entry: "station",
      arrivalsMs: [...poissonTimes(6000, 8), ...poissonTimes(6000, 40, 3).map((ms) => ms + 60_000)].sort(
        (a, b) => a - b,
      ),
      services: { station: { workMs: exponential(7), hasOneSlot: true } },
    });
    const { notIdentified } = calibrate(collect(spans.filter((_, index) => index % 10 < 5)), { samplingRatio: 0.5 });
    const reason = notIdentified.find(({ parameter }) => parameter === "station.serviceTime")?.reason;
    expect(reason).toMatch(/waiting for a slot is mixed in and cannot be separated/);
  });

  test("divides rates by the sampling ratio", () => {
    const spans = syntheticSpans(shop).filter(({ traceId }) => traceId.endsWith("0"));
    const { architecture } = calibrate(collect(spans), { samplingRatio: 0.1 });
    expect(accuracy(architecture.workloads[0]?.ratePerSecond ?? 0, 50)).toBeGreaterThan(0.9);
  });

  test("says what traces cannot show", () => {
    const parameters = calibration.notIdentified.map(({ parameter }) => parameter);
    expect(parameters).toContain("timeoutMs, retries, queueCapacity");
    expect(parameters).toContain("frontend.concurrency");
    expect(parameters).toContain("redis: network");
  });

  test("cancels out clocks that differ, and says by how much they do", () => {
    const { architecture, notIdentified } = calibrate(collect(syntheticSpans({ ...shop, clockMs: { catalog: 30 } })));
    expect(architecture.links.find(({ to }) => to === "catalog")?.latency.meanMs).toBeCloseTo(0.4, 2);
    expect(notIdentified.find(({ parameter }) => parameter === "frontend to catalog: clocks")?.reason).toMatch(
      /30 ms ahead/,
    );
  });

  test("leaves out the rarest link of a cycle and says so", () => {
    const spans = syntheticSpans({
      entry: "a",
      arrivalsMs: poissonTimes(300, 20),
      services: {
        a: { workMs: () => 1, calls: [{ to: "b" }] },
        b: { workMs: () => 1, calls: [{ to: "c" }] },
        c: { workMs: () => 1 },
      },
    });
    const back = spans.filter(({ service }) => service === "c").slice(0, 5);
    const again = back.map((span) => ({
      ...span,
      spanId: `${span.spanId}x`,
      service: "a",
      parent: { ...span, follows: false },
    }));
    const { architecture, notIdentified } = calibrate(collect([...spans, ...again]));
    expect(checkArchitecture(architecture, 1)).toEqual([]);
    expect(notIdentified.find(({ parameter }) => parameter === "c to a")?.reason).toMatch(/its 5 calls close a cycle/);
  });

  test("refuses to calibrate from nothing", () => {
    const collector = new SpanCollector();
    collector.refuse("it has no trace or span id");
    expect(() => calibrate(collector)).toThrow("no span can be used: 1: it has no trace or span id");
    expect(() => calibrate(collect(syntheticSpans(shop)), { samplingRatio: 0 })).toThrow(
      /sampling ratio is 0; allowed/,
    );
  });
});
