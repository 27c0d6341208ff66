import { describe, expect, test } from "vitest";
import type { Architecture, Component } from "./architecture.ts";
import type { Span } from "./request-traces.ts";
import { component, constant, exponential, link, poisson, simulate } from "./scenario.ts";

/** A system in which spans have every part: pools, retries, network, queues, work, calls, hedges and what is called off. */
const busy: Architecture = {
  components: [
    component("client", "client", { fanOut: "parallel" }),
    component("front", "service", { concurrency: 20, serviceTime: exponential(3) }),
    component("api", "service", {
      instances: 2,
      concurrency: 2,
      serviceTime: exponential(12),
      errorRatio: 0.1,
      queueCapacity: 1,
    }),
    component("db", "database", { concurrency: 3, cpus: 2, serviceTime: exponential(10) }),
    component("log", "queue", { serviceTime: constant(1) }),
  ],
  links: [
    link("client", "front", { latency: exponential(4) }),
    link("front", "api", {
      latency: constant(1),
      timeoutMs: 120,
      retries: 2,
      retryBackoffMs: 10,
      maxConnections: 20,
      timeoutCancels: true,
    }),
    link("api", "db", { latency: exponential(1), timeoutMs: 60, hedgeAfterMs: 25, lossRatio: 0.02 }),
    link("front", "log", { asynchronous: true }),
  ],
  workloads: [poisson("client", 90)],
};

const traced = (model: Architecture, traceEvery: number, durationMs = 20_000) =>
  simulate(model, { durationMs, warmupMs: 1000, traceEvery });

/** Adjacent ends of the parts of a span, as far as they came. */
function marks({ calledNs, sentNs, arrivedNs, startedNs, workedNs, finishedNs, answeredNs }: Span): number[] {
  return [calledNs, sentNs, arrivedNs, startedNs, workedNs, finishedNs, answeredNs].filter((at) => !Number.isNaN(at));
}

describe("traces", () => {
  const requests = traced(busy, 5).tracedRequests();
  const spans = requests.flat();

  test("are of every fifth request, and of no other", () => {
    const { components } = traced(busy, 5).results();
    const all = components[0]?.arrivals ?? 0;
    // Up to a few that are under way at either end.
    expect(Math.abs(requests.length - all / 5)).toBeLessThanOrEqual(8);
    expect(requests.every(([root]) => root?.parent === -1 && root.link === -1)).toBe(true);
    expect(traced(busy, 0, 2000).tracedRequests()).toEqual([]);
  });

  test("have their times in order, none of them negative, so that parts sum to the whole", () => {
    for (const span of spans) {
      const times = marks(span);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
    expect(new Set(spans.map(({ outcome }) => outcome))).toEqual(new Set(["completed", "failed", "shed", "open"]));
  });

  test("have every time when they were answered", () => {
    const answered = spans.filter(
      ({ link, outcome, answeredNs }) => link !== -1 && outcome === "completed" && answeredNs > 0,
    );
    expect(answered.length).toBeGreaterThan(500);
    expect(answered.every((span) => marks(span).length === 7)).toBe(true);
  });

  test("keep calls within their caller's time, and an answered attempt's after its work", () => {
    for (const request of requests) {
      for (const { parent, calledNs, link } of request) {
        const caller = request[parent];
        if (caller === undefined) continue;
        const isAwaited = busy.links[link]?.asynchronous === false;
        expect(calledNs).toBeGreaterThanOrEqual(caller.workedNs || caller.arrivedNs);
        if (isAwaited && !Number.isNaN(caller.finishedNs)) expect(calledNs).toBeLessThanOrEqual(caller.finishedNs);
      }
    }
  });

  test("change nothing in a run", () => {
    const results = [0, 1, 7].map((every) => traced(busy, every, 5000).results());
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test("leave out what began in the warm-up or is not over", () => {
    for (const [root] of requests) {
      expect(root?.calledNs).toBeGreaterThanOrEqual(1000e6);
      expect(root?.finishedNs).toBeLessThanOrEqual(20_000e6);
    }
  });
});

describe("a trace of one request", () => {
  const station: Partial<Component> = { serviceTime: constant(20) };
  const model: Architecture = {
    components: [
      component("client", "client"),
      component("api", "service", station),
      component("db", "database", { serviceTime: constant(30), errorRatio: 1 }),
    ],
    links: [
      link("client", "api", { latency: constant(10), maxConnections: 1 }),
      link("api", "db", { latency: constant(4), retries: 1, retryBackoffMs: 7, retryJitter: "none" }),
    ],
    workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs: [0, 0] }],
  };
  const ms = (span: Span | undefined) => span && marks(span).map((at) => at / 1e6);

  test("divides its latency into waiting for a connection, network, queue, work, calls and network", () => {
    const [first, second] = simulate(model, { durationMs: 1000, traceEvery: 1 }).tracedRequests();
    // Work from 5 to 25; two attempts of 34 ms with 7 between; answered at 105. The second is sent then.
    expect(first?.map(ms)).toEqual([
      [0, 0, 0, 105],
      [0, 0, 5, 5, 25, 100, 105],
      [25, 25, 27, 27, 57, 57, 59],
      [25, 66, 68, 68, 98, 98, 100],
    ]);
    expect(second?.map(ms)?.[1]).toEqual([0, 105, 110, 110, 130, 205, 210]);
    expect(first?.map(({ parent, attempt, outcome }) => [parent, attempt, outcome])).toEqual([
      [-1, 1, "failed"],
      [0, 1, "failed"],
      [1, 1, "failed"],
      [1, 2, "failed"],
    ]);
  });

  test("can be left out by the others: those that find no room are not traced half", () => {
    const simulation = simulate({ ...model, workloads: [poisson("client", 5)] }, { durationMs: 60_000, traceEvery: 1 });
    for (const request of simulation.tracedRequests()) {
      for (const [index, { parent }] of request.entries()) expect(parent).toBeLessThan(Math.max(index, 0));
    }
  });
});
