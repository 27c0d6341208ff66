import { describe, expect, test } from "vitest";
import type { Architecture, RetryBudget } from "../architecture.ts";
import { component, constantRate, link, resultsOfComponent, simulate } from "../scenario.ts";

/** A caller of two instances whose calls on two links all fail and would each be tried three times more. */
function failing(retryBudget: RetryBudget, instances = 2): Architecture {
  const calls = { retries: 3, retryBudget };
  return {
    components: [
      component("client", "client"),
      component("front", "service", { instances, concurrency: 100, balancing: "round_robin", fanOut: "parallel" }),
      component("a", "service", { concurrency: 100, errorRatio: 1 }),
      component("b", "service", { concurrency: 100, errorRatio: 1 }),
    ],
    links: [link("client", "front"), link("front", "a", calls), link("front", "b", calls)],
    workloads: [constantRate("client", 100)],
  };
}

function retriesOf(retryBudget: RetryBudget, instances?: number): { a: number; b: number; denied: number } {
  const run = simulate(failing(retryBudget, instances), { durationMs: 10_005 }).results();
  const [a, b] = ["a", "b"].map((id) => resultsOfComponent(run, id));
  return { a: a?.retried ?? 0, b: b?.retried ?? 0, denied: (a?.retriesDenied ?? 0) + (b?.retriesDenied ?? 0) };
}

describe("a retry budget", () => {
  test("lets retries be a share of the calls, after its burst", () => {
    // 500 calls per instance and link put 0.1 each in; the bucket begins with 5 tokens and is never full again.
    const { a, b } = retriesOf({ ratio: 0.1, burst: 5, scope: "client" });
    expect([a, b].every((retried) => retried >= 2 * (5 + 49) && retried <= 2 * (5 + 50))).toBe(true);
  });

  test("of scope client is one for each instance and link, of scope tier one for all", () => {
    const ofClients = retriesOf({ ratio: 0, burst: 7, scope: "client" });
    expect(ofClients).toMatchObject({ a: 14, b: 14 });
    const ofTier = retriesOf({ ratio: 0, burst: 7, scope: "tier" });
    expect(ofTier.a + ofTier.b).toBe(7);
    expect(retriesOf({ ratio: 0, burst: 7, scope: "client" }, 4)).toMatchObject({ a: 28, b: 28 });
  });

  test("counts what it did not let try again, once for each call", () => {
    // Calls that still had tries left when there was no token: all but those whose three retries were paid for.
    const { denied } = retriesOf({ ratio: 0, burst: 6, scope: "client" }, 1);
    expect(denied).toBe(2 * 1000 - 2 * 2);
  });

  test("with nothing in it lets nothing be tried again, and with plenty everything", () => {
    expect(retriesOf({ ratio: 0, burst: 0, scope: "client" })).toEqual({ a: 0, b: 0, denied: 2000 });
    expect(retriesOf({ ratio: 3, burst: 100, scope: "tier" })).toEqual({ a: 3000, b: 3000, denied: 0 });
  });

  test("saves no more than its burst while all goes well", () => {
    const errors = (component: string, ratio: number) => ({ kind: "errors", component, ratio }) as const;
    const changes = [
      ...["a", "b"].map((id) => ({ atMs: 0, change: errors(id, 0) })),
      ...["a", "b"].map((id) => ({ atMs: 5005, change: errors(id, 1) })),
    ];
    const model = failing({ ratio: 0.1, burst: 3, scope: "client" }, 1);
    const run = simulate(model, { durationMs: 5105, changes }).results();
    // Ten calls on each link put one token in, and the first finds the bucket full.
    expect(resultsOfComponent(run, "a")).toMatchObject({ retried: 3 });
    expect(resultsOfComponent(run, "b")).toMatchObject({ retried: 3 });
  });

  test("does not count where a change says so", () => {
    const model = failing({ ratio: 0, burst: 0, scope: "client" });
    const retries = { kind: "retries", link: "front-a", retries: 2, backoffMs: 0 } as const;
    const changes = [
      { atMs: 2005, change: { ...retries, keepsBudget: false } },
      { atMs: 4005, change: { ...retries, keepsBudget: true } },
    ];
    const run = simulate(model, { durationMs: 10_005, changes }).results();
    expect(resultsOfComponent(run, "a").retried).toBe(2 * 200);
    expect(resultsOfComponent(run, "b").retried).toBe(0);
  });
});
