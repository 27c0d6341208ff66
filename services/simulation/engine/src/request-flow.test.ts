import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link } from "./architecture.ts";
import {
  closed,
  component,
  constant,
  constantRate,
  link,
  resultsOfComponent,
  simulate,
  singleStation,
} from "./scenario.ts";

/** One request per second, started at 1, 2, ... seconds; with deterministic times every number is known. */
function everySecond(components: Component[], links: Link[]): Architecture {
  return { components: [component("client", "client"), ...components], links, workloads: [constantRate("client", 1)] };
}

const tenSeconds = { durationMs: 10_500 };

describe("a request", () => {
  test("spends half of the network's round trip each way", () => {
    const architecture = everySecond(
      [component("api", "service", { serviceTime: constant(20) })],
      [link("client", "api", { latency: constant(7) })],
    );
    const results = simulate(architecture, tenSeconds).results();
    expect(results.latency).toMatchObject({ meanMs: 27, maxMs: 27 });
    expect(resultsOfComponent(results, "api").latency).toMatchObject({ meanMs: 20, maxMs: 20 });
  });

  test("keeps its slot while it waits for a callee, or not, as its component says", () => {
    const links = [link("client", "api"), link("api", "db")];
    const of = (holdsSlot: boolean) => {
      const api = component("api", "service", { serviceTime: constant(20), holdsSlot });
      const db = component("db", "database", { serviceTime: constant(1490), concurrency: 10 });
      return simulate(everySecond([api, db], links), tenSeconds).results();
    };
    // Held, a second's requests wait 510 ms longer each than the one before: 10 came, and one in 1510 ms is done.
    expect(of(true)).toMatchObject({ completed: 6, inFlight: 4 });
    expect(of(false)).toMatchObject({ completed: 8, inFlight: 2, latency: { meanMs: 1510, maxMs: 1510 } });
    expect(resultsOfComponent(of(false), "api")).toMatchObject({ queueLengthMax: 0 });
    expect(resultsOfComponent(of(false), "api").utilization).toBeCloseTo(0.02, 2);
  });

  test("calls in sequence or in parallel as its component says", () => {
    const legs = [
      component("a", "service", { serviceTime: constant(30) }),
      component("b", "service", { serviceTime: constant(50) }),
    ];
    const links = [link("client", "api"), link("api", "a"), link("api", "b")];
    const latencyWith = (fanOut: Component["fanOut"]) =>
      simulate(everySecond([component("api", "service", { fanOut }), ...legs], links), tenSeconds).results().latency
        .meanMs;
    expect(latencyWith("sequential")).toBe(80);
    expect(latencyWith("parallel")).toBe(50);
  });

  test("stops a sequence at the first failure, while parallel calls are all made and awaited", () => {
    const legs = [
      component("bad", "service", { serviceTime: constant(10), errorRatio: 1 }),
      component("good", "service", { serviceTime: constant(50) }),
    ];
    const links = [link("client", "api"), link("api", "bad"), link("api", "good")];
    const run = (fanOut: Component["fanOut"]) =>
      simulate(everySecond([component("api", "service", { fanOut }), ...legs], links), tenSeconds);
    const sequential = run("sequential");
    expect(sequential.results()).toMatchObject({ completed: 0, failed: 10, errorRatio: 1 });
    expect(resultsOfComponent(sequential.results(), "good").arrivals).toBe(0);
    const parallel = run("parallel");
    expect(resultsOfComponent(parallel.results(), "good").completed).toBe(10);
    expect(parallel.audit().find((one) => one.component === "api")?.residenceNs).toBe(10 * 50e6);
  });

  test("holds its slot while it waits for a call", () => {
    const architecture = everySecond(
      [
        component("api", "service", { serviceTime: constant(100), concurrency: 2 }),
        component("db", "database", { serviceTime: constant(300) }),
      ],
      [link("client", "api"), link("api", "db")],
    );
    const api = resultsOfComponent(simulate(architecture, { durationMs: 11_000, warmupMs: 1000 }).results(), "api");
    expect(api.utilization).toBeCloseTo(0.2, 9);
    expect(api.workUtilization).toBeCloseTo(0.05, 9);
  });

  test("does not wait for asynchronous calls, and their final failure is a dead letter", () => {
    const architecture = everySecond(
      [component("api", "service", { serviceTime: constant(5) }), component("log", "external", { errorRatio: 1 })],
      [link("client", "api"), link("api", "log", { asynchronous: true, retries: 2, latency: constant(100) })],
    );
    const results = simulate(architecture, tenSeconds).results();
    expect(results).toMatchObject({ completed: 10, failed: 0, latency: { maxMs: 5 } });
    expect(resultsOfComponent(results, "log")).toMatchObject({ failed: 30, retried: 20 });
    expect(resultsOfComponent(results, "api").deadLettered).toBe(10);
  });

  test("fails after its own work and before any call", () => {
    const architecture = everySecond(
      [component("api", "service", { serviceTime: constant(5), errorRatio: 1 }), component("db", "database")],
      [link("client", "api"), link("api", "db")],
    );
    const results = simulate(architecture, tenSeconds).results();
    expect(resultsOfComponent(results, "api")).toMatchObject({ arrivals: 10, failed: 10, completed: 0 });
    expect(resultsOfComponent(results, "db").arrivals).toBe(0);
  });
});

describe("a cache", () => {
  test.each([
    [1, 0],
    [0, 10],
  ])("with a hit ratio of %i lets %i of ten requests through", (hitRatio, misses) => {
    const architecture = everySecond(
      [component("cache", "cache", { hitRatio }), component("db", "database")],
      [link("client", "cache"), link("cache", "db")],
    );
    expect(resultsOfComponent(simulate(architecture, tenSeconds).results(), "db").arrivals).toBe(misses);
  });

  test("without anything behind it is a plain store", () => {
    const architecture = everySecond([component("cache", "cache", { hitRatio: 0.5 })], [link("client", "cache")]);
    expect(simulate(architecture, tenSeconds).results()).toMatchObject({ completed: 10, failed: 0 });
  });
});

describe("a queue", () => {
  test("answers when it has the message, frees its slot and delivers afterwards", () => {
    const architecture = everySecond(
      [
        component("queue", "queue", { serviceTime: constant(2) }),
        component("worker", "service", { serviceTime: constant(1500) }),
      ],
      [link("client", "queue"), link("queue", "worker")],
    );
    const results = simulate(architecture, tenSeconds).results();
    expect(results).toMatchObject({ completed: 10, latency: { maxMs: 2 } });
    expect(resultsOfComponent(results, "queue").utilization).toBeCloseTo((10 * 2) / 10_500, 9);
    expect(resultsOfComponent(results, "worker")).toMatchObject({
      arrivals: 10,
      completed: 6,
      inFlight: 4,
      queueLengthMax: 3,
    });
  });

  test("redelivers as often as the link says and counts what still fails as dead letters", () => {
    const architecture = {
      ...everySecond(
        [component("queue", "queue"), component("worker", "service", { concurrency: 100, errorRatio: 0.5 })],
        [link("client", "queue"), link("queue", "worker", { retries: 3, retryBackoffMs: 10 })],
      ),
      workloads: [constantRate("client", 1000)],
    };
    const results = simulate(architecture, { durationMs: 40_000 }).results();
    const { deadLettered, arrivals } = resultsOfComponent(results, "queue");
    expect(results.failed).toBe(0);
    // Binomial with p = 0.5^4: standard deviation 0.0012 over 40000 messages.
    expect(Math.abs(deadLettered / arrivals - 0.0625)).toBeLessThan(0.005);
    expect(Math.abs(resultsOfComponent(results, "worker").arrivals / arrivals - 1.875)).toBeLessThan(0.03);
  });
});

describe("a timeout", () => {
  test("ends the wait of the caller and not the work of the callee", () => {
    const architecture = everySecond(
      [component("slow", "service", { serviceTime: constant(300), concurrency: 5 })],
      [link("client", "slow", { timeoutMs: 100 })],
    );
    const simulation = simulate(architecture, tenSeconds);
    const results = simulation.results();
    expect(results).toMatchObject({ completed: 0, failed: 10 });
    expect(resultsOfComponent(results, "slow")).toMatchObject({ arrivals: 10, completed: 10, timedOut: 10 });
    expect(simulation.audit()[0]?.residenceNs).toBe(10 * 100e6);
  });

  test("sends further attempts on top of the work that goes on", () => {
    const architecture = everySecond(
      [component("slow", "service", { serviceTime: constant(300), concurrency: 5 })],
      [link("client", "slow", { timeoutMs: 100, retries: 2 })],
    );
    const slow = resultsOfComponent(simulate(architecture, tenSeconds).results(), "slow");
    expect(slow).toMatchObject({ arrivals: 30, completed: 30, timedOut: 30, retried: 20 });
    expect(slow.utilization).toBeCloseTo((30 * 300) / (5 * 10_500), 9);
  });

  test("an answer that comes in time beats it", () => {
    const architecture = everySecond(
      [component("quick", "service", { serviceTime: constant(99) })],
      [link("client", "quick", { timeoutMs: 100 })],
    );
    expect(simulate(architecture, tenSeconds).results()).toMatchObject({ completed: 10, failed: 0 });
  });
});

describe("retries", () => {
  test("three layers of three retries multiply to 64 attempts", () => {
    const architecture = everySecond(
      [component("a", "service"), component("b", "service"), component("c", "service", { errorRatio: 1 })],
      [link("client", "a", { retries: 3 }), link("a", "b", { retries: 3 }), link("b", "c", { retries: 3 })],
    );
    const results = simulate(architecture, tenSeconds).results();
    expect(resultsOfComponent(results, "c").failed).toBe(640);
    expect(resultsOfComponent(results, "client").failed).toBe(10);
  });

  test("pause at random up to a limit that doubles", () => {
    const architecture = {
      ...everySecond(
        [component("bad", "service", { errorRatio: 1 })],
        [link("client", "bad", { retries: 3, retryBackoffMs: 100 })],
      ),
      workloads: [closed("client", 1, 0)],
    };
    const simulation = simulate(architecture, { durationMs: 2_000_000 });
    const client = simulation.audit()[0];
    const meanMs = (client?.residenceNs ?? 0) / 1e6 / (client?.arrivals ?? 1);
    // Uniform up to 100, 200 and 400 ms: mean 350, standard deviation 132, over more than 5000 requests.
    expect(Math.abs(meanMs - 350)).toBeLessThan((4 * 132) / Math.sqrt(5000));
  });
});

describe("a full queue", () => {
  test("sheds what does not fit, per instance, at once", () => {
    const architecture = {
      ...singleStation(1, { serviceTime: constant(60_000), instances: 2, concurrency: 2, queueCapacity: 3 }),
      workloads: [constantRate("client", 1)],
    };
    const results = simulate(architecture, { durationMs: 30_500 }).results();
    const station = resultsOfComponent(results, "station");
    expect(station).toMatchObject({ arrivals: 30, shed: 20, inFlight: 10, queueLengthMax: 6, completed: 0 });
    expect(results).toMatchObject({ failed: 20, inFlight: 10 });
  });
});

describe("a user who waits for nothing", () => {
  test("does not stop the clock", () => {
    const architecture = { ...singleStation(1, {}), workloads: [closed("client", 3, 0)] };
    const results = simulate(architecture, { durationMs: 1000 }).results();
    expect(results.completed).toBe(3 * 1001);
  });
});
