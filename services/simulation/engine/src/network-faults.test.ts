import { describe, expect, test } from "vitest";
import type { Architecture, Link } from "./architecture.ts";
import type { Change } from "./changes.ts";
import { component, constant, constantRate, link, poisson, resultsOfComponent, simulate } from "./scenario.ts";

/** Requests straight to an api that needs 10 ms, over a link with a round trip of 2 ms. */
function over(given: Partial<Link>, workload: Partial<Architecture["workloads"][number]> = {}): Architecture {
  return {
    components: [
      component("client", "client"),
      component("api", "service", { concurrency: 10_000, serviceTime: constant(10) }),
    ],
    links: [link("client", "api", { latency: constant(2), ...given })],
    workloads: [{ ...constantRate("client", 100), ...workload }],
  };
}

const replay = (arrivalsMs: readonly number[]) => ({ kind: "replay", arrivalsMs }) as const;

function run(model: Architecture, durationMs: number, changes: readonly (readonly [number, Change])[] = []) {
  return simulate(model, { durationMs, changes: changes.map(([atMs, change]) => ({ atMs, change })) }).results();
}

const cut = (how: "none" | "silent" | "reset"): Change => ({ kind: "cut", link: "client-api", how });

describe("a link that is cut", () => {
  test("with a reset fails calls at once", () => {
    const results = run(over({}, replay([0, 100, 200])), 1000, [
      [50, cut("reset")],
      [150, cut("none")],
    ]);
    expect(results).toMatchObject({ completed: 2, failed: 1 });
    expect(resultsOfComponent(results, "api").arrivals).toBe(2);
  });

  test("with a reset fails those too that have waited for a connection, when it is their turn", () => {
    const model = over({ timeoutMs: 300, maxConnections: 1 }, replay([0, 0, 0]));
    const simulation = simulate(model, { durationMs: 2000, changes: [{ atMs: 5, change: cut("reset") }] });
    expect(simulation.results()).toMatchObject({ completed: 0, failed: 3 });
    // The answer to the first does not come through any more; its timeout frees the connection.
    expect(simulation.audit().find(({ component: id }) => id === "client")?.residenceNs).toBe(3 * 300e6);
  });

  test("silently keeps callers waiting until their timeout", () => {
    const model = over({ timeoutMs: 300 }, replay([0, 100, 200]));
    const simulation = simulate(model, {
      durationMs: 1000,
      changes: [
        { atMs: 50, change: cut("silent") },
        { atMs: 150, change: cut("none") },
      ],
    });
    expect(simulation.results()).toMatchObject({ completed: 2, failed: 1 });
    expect(resultsOfComponent(simulation.results(), "api")).toMatchObject({ timedOut: 1, lost: 1 });
    expect(simulation.audit().find(({ component: id }) => id === "client")?.residenceNs).toBe((12 + 300 + 12) * 1e6);
  });

  test("silently fails a call without a timeout when the transport gives up after 30 s", () => {
    const simulation = simulate(over({}, replay([0])), {
      durationMs: 60_000,
      changes: [{ atMs: 0, change: cut("silent") }],
    });
    expect(simulation.results()).toMatchObject({ failed: 1, inFlight: 0 });
    expect(simulation.audit()[0]?.residenceNs).toBe(30_000 * 1e6);
  });

  test("loses answers that are sent while it is, not those that are on their way", () => {
    const model = over({ timeoutMs: 300, latency: constant(100) }, replay([0, 60]));
    // Answers leave at 60 and 120 and arrive at 110 and 170.
    const results = run(model, 1000, [[100, cut("silent")]]);
    expect(results).toMatchObject({ completed: 1, failed: 1 });
    expect(resultsOfComponent(results, "api")).toMatchObject({ completed: 2, lost: 1 });
  });

  test("is a failure that retries outlast", () => {
    const model = over({ retries: 5, retryBackoffMs: 20, retryJitter: "none" }, replay([100]));
    const results = run(model, 1000, [
      [50, cut("reset")],
      [150, cut("none")],
    ]);
    // Tried at 100, 120 and 160.
    expect(results).toMatchObject({ completed: 1, latency: { maxMs: 72 } });
  });
});

describe("a link that loses messages", () => {
  test("loses each way, and what is lost is a timeout", () => {
    const results = run(over({ lossRatio: 0.1, timeoutMs: 50 }, { ratePerSecond: 1000 }), 40_000);
    const api = resultsOfComponent(results, "api");
    // 1 - 0.9² of 40 000: standard deviation 0.002.
    expect(Math.abs(results.errorRatio - 0.19)).toBeLessThan(0.008);
    expect(api.timedOut).toBe(results.failed);
    expect(Math.abs(api.arrivals / 40_000 - 0.9)).toBeLessThan(0.006);
    expect(Math.abs(api.lost / 40_000 - 0.19)).toBeLessThan(0.008);
  });

  test("sends what was lost again, later by the retransmission time and twice that", () => {
    const results = run(over({ lossRatio: 0.2, retransmitMs: 20, timeoutMs: 60_000 }, { ratePerSecond: 1000 }), 40_000);
    expect(results.failed).toBe(0);
    // Each way the delay is 20 (2^k − 1) with probability 0.8 × 0.2^k: mean 20 × 0.2 ÷ (1 − 2 × 0.2), and the standard
    // deviation of both ways is 42 ms, 0.21 over 40 000.
    expect(Math.abs(results.latency.meanMs - 12 - 2 * ((20 * 0.2) / 0.6))).toBeLessThan(0.85);
  });

  test("loses nothing for ever when the call has no timeout", () => {
    const results = run(over({ lossRatio: 0.5 }, { ratePerSecond: 20 }), 1000_000, [[5005, { kind: "load", load: 0 }]]);
    expect(results).toMatchObject({ failed: 0, inFlight: 0, completed: 100 });
    expect(results.latency.maxMs).toBeGreaterThan(200);
  });

  test("does so by a change, and no more when it is undone", () => {
    const loss = (ratio: number): Change => ({ kind: "loss", link: "client-api", ratio });
    const results = run(over({ timeoutMs: 50 }), 3001, [
      [1005, loss(1)],
      [2005, loss(0)],
    ]);
    // Those that were sent meanwhile, and the one whose answer was.
    expect(results.failed).toBe(100 + 1);
  });
});

describe("a link of limited bandwidth", () => {
  // 10 kB at 8 Mbit/s take 10 ms, 100 kB take 100 ms.
  const sizes = { bandwidthMbps: 8, requestKb: 10, answerKb: 100 };

  test("takes the time of a message each way", () => {
    expect(run(over(sizes, replay([0])), 1000).latency.maxMs).toBe(2 + 10 + 10 + 100);
  });

  test("lets messages pass one after the other, in their order, each way for itself", () => {
    const results = run(over(sizes, replay([0, 0, 5])), 1000);
    // Requests are through at 10, 20 and 30, answers (from 21 on) at 121, 221 and 321; a millisecond of delay each way.
    expect(results.latency).toMatchObject({ meanMs: (122 + 222 + 317) / 3, maxMs: 317 });
  });

  test("is a single server for those who use it", () => {
    // 1 kB at 0.1 Mbit/s: 80 ms each; at 10/s an M/D/1 at 0.8, whose wait is 160 ms.
    const model = {
      ...over({ bandwidthMbps: 0.1, requestKb: 1, answerKb: 0 }),
      workloads: [poisson("client", 10)],
    };
    const { latency } = simulate(model, { durationMs: 2_000_000, warmupMs: 20_000 }).results();
    expect(Math.abs(latency.meanMs - 12 - 80 - 160)).toBeLessThan(16);
  });

  test("is less by a change, from the next message on", () => {
    const change = { kind: "bandwidth", link: "client-api", factor: 0.5 } as const;
    expect(run(over(sizes, replay([0])), 1000, [[5, change]]).latency.maxMs).toBe(2 + 10 + 10 + 200);
    expect(run(over({}, replay([0])), 1000, [[0, change]]).latency.maxMs).toBe(12);
  });
});
