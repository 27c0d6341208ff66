import { FakeClock, silentLogger } from "@weft/mesh/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RateLimitPolicy } from "./rate-limit-policies.ts";
import { createMemoryRateLimitStore, type RateLimitStore } from "./rate-limit-store.ts";
import { RateLimiter } from "./rate-limiter.ts";

const policy = (
  ratePerSecond: number,
  burst: number,
  others: Partial<Omit<RateLimitPolicy, "limit">> = {},
): RateLimitPolicy => ({
  name: "default",
  limit: { ratePerSecond, burst },
  cost: 1,
  whenStoreAway: "local",
  ...others,
});

/** Gateways on one store, which may be slow, silent or gone; time stands still between steps. */
function cluster(gateways: number) {
  const clock = new FakeClock();
  const memory = createMemoryRateLimitStore(() => clock.monotonicMs() * 1000);
  const state = { trips: 0, tokens: 0, away: false, silent: false };
  const store: RateLimitStore = {
    take: async (requests) => {
      state.trips += 1;
      if (state.silent) {
        return new Promise(() => undefined);
      }
      if (state.away) {
        throw new Error("gone");
      }
      const grants = await memory.take(requests);
      state.tokens += grants.reduce((sum, { granted }) => sum + granted, 0);
      return grants;
    },
  };
  const limiters = Array.from(
    { length: gateways },
    () => new RateLimiter({ store, clock, logger: silentLogger, storeTimeoutMs: 250 }),
  );
  const calls = async (of: RateLimitPolicy, count: number, { client = "user:a", gateway = 0 } = {}) => {
    const taken = Array.from({ length: count }, () => limiters[gateway % gateways]?.take(of, client));
    await clock.advance(0);
    return (await Promise.all(taken)).map((verdict) => verdict?.outcome);
  };
  const allowed = async (...args: Parameters<typeof calls>) =>
    (await calls(...args)).filter((outcome) => outcome === "allowed").length;
  return { clock, state, limiters, calls, allowed };
}

describe("RateLimiter", () => {
  it("lets a burst through, then as many as the rate regains", async () => {
    const { clock, allowed } = cluster(1);
    expect(await allowed(policy(10, 20), 30)).toBe(20);
    await clock.advance(1000);
    expect(await allowed(policy(10, 20), 30)).toBe(10);
  });

  it("counts clients apart, and policies of different names", async () => {
    const { allowed } = cluster(1);
    expect(await allowed(policy(10, 5), 9, { client: "user:a" })).toBe(5);
    expect(await allowed(policy(10, 5), 9, { client: "user:b" })).toBe(5);
    expect(await allowed(policy(10, 5, { name: "login" }), 9, { client: "user:a" })).toBe(5);
  });

  it("takes what a call costs", async () => {
    const { allowed } = cluster(1);
    expect(await allowed(policy(10, 20, { cost: 6 }), 3)).toBe(3);
    expect(await allowed(policy(10, 20), 9)).toBe(2);
  });

  it("says how much is left and when to come back", async () => {
    const { clock, limiters } = cluster(1);
    const take = async () => {
      const taken = limiters[0]?.take(policy(10, 2), "user:a");
      await clock.advance(0);
      return taken;
    };
    expect(await take()).toMatchObject({ outcome: "allowed", remaining: 1, fullInMs: 100 });
    expect(await take()).toMatchObject({ outcome: "allowed", remaining: 0, fullInMs: 200 });
    expect(await take()).toMatchObject({ outcome: "refused", remaining: 0, retryAfterMs: 100 });
  });

  it("asks the store once for all calls of a turn", async () => {
    const { state, limiters, clock } = cluster(1);
    const taken = Array.from({ length: 100 }, (_, at) => limiters[0]?.take(policy(10, 20), `user:${at}`));
    await clock.advance(0);
    await Promise.all(taken);
    expect(state.trips).toBe(1);
  });

  it("refuses a flood without asking the store again", async () => {
    const { state, calls } = cluster(1);
    await calls(policy(10, 20), 21);
    const before = state.trips;
    expect(new Set(await calls(policy(10, 20), 1000))).toEqual(new Set(["refused"]));
    expect(state.trips).toBe(before);
  });

  it("leases for a busy client, so that few calls need the store and hardly a token is lost", async () => {
    const { clock, state, allowed } = cluster(1);
    const many = policy(10_000, 20_000);
    let passed = 0;
    for (let turn = 0; turn < 1000; turn += 1) {
      passed += await allowed(many, 2);
      await clock.advance(1);
    }
    expect(passed).toBe(2000);
    expect(state.trips).toBeLessThan(100);
    expect(state.tokens).toBeLessThan(2000 * 1.1);
  });
});

describe("while the store is away", () => {
  it("goes on with each budget as it was known last", async () => {
    const { clock, state, allowed } = cluster(1);
    expect(await allowed(policy(10, 20), 15)).toBe(15);
    state.away = true;
    expect(await allowed(policy(10, 20), 30)).toBe(5);
    await clock.advance(500);
    expect(await allowed(policy(10, 20), 30)).toBe(5);
  });

  it("refuses what must not be open", async () => {
    const { state, calls } = cluster(1);
    state.away = true;
    expect(await calls(policy(10, 20, { whenStoreAway: "closed" }), 2)).toEqual(["unavailable", "unavailable"]);
  });

  it("lets nobody wait once it is known, asks now and then, and notices that it is back", async () => {
    const { clock, state, limiters, allowed } = cluster(1);
    state.silent = true;
    const first = limiters[0]?.take(policy(10, 20), "user:a");
    await clock.advance(250);
    expect(await first).toMatchObject({ outcome: "allowed" });
    expect(limiters[0]?.take(policy(10, 20), "user:a")).not.toBeInstanceOf(Promise);
    expect(state.trips).toBe(1);
    await clock.advance(1000);
    void limiters[0]?.take(policy(10, 20), "user:a");
    void limiters[0]?.take(policy(10, 20), "user:a");
    expect(state.trips).toBe(2);
    await clock.advance(250);
    state.silent = false;
    await clock.advance(1000);
    void limiters[0]?.take(policy(10, 20), "user:a");
    await clock.advance(0);
    expect(state.trips).toBe(3);
    expect(limiters[0]?.take(policy(10, 20), "user:b")).toBeInstanceOf(Promise);
    expect(await allowed(policy(10, 20), 30, { client: "user:c" })).toBe(20);
  });
});

/** What the limiter promises, checked over every stretch between two calls that were let through. */
function worstExcess(atMs: readonly number[], ratePerSecond: number, burst: number): number {
  let worst = Number.NEGATIVE_INFINITY;
  for (let from = 0; from < atMs.length; from += 1) {
    for (let to = from; to < atMs.length; to += 1) {
      const seconds = ((atMs[to] ?? 0) - (atMs[from] ?? 0)) / 1000;
      worst = Math.max(worst, to - from + 1 - (burst + ratePerSecond * seconds));
    }
  }
  return worst;
}

describe("in any stretch of time, over all gateways", () => {
  it("no client gets more than the limit by tokens that were leased earlier", async () => {
    const { clock, allowed } = cluster(2);
    const limited = policy(1000, 600);
    // Busy, so that the next trip leases; that lease is then kept until its last millisecond, when the budget is full again.
    await allowed(limited, 50);
    await clock.advance(50);
    await allowed(limited, 1);
    await clock.advance(49);
    const both = (await allowed(limited, 700, { gateway: 1 })) + (await allowed(limited, 700));
    expect(both).toBeLessThanOrEqual(600);
    expect(both).toBeGreaterThanOrEqual(550);
  });

  const step = fc.record({
    afterMs: fc.oneof(fc.constantFrom(0, 49), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 400 })),
    gateway: fc.integer({ min: 0, max: 2 }),
    shareOfBurst: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.1, noNaN: true }), fc.constant(1.5)),
    cost: fc.constantFrom(1, 1, 1, 3),
  });
  const limit = fc.constantFrom([10, 20], [3, 1], [40, 30], [100, 200], [1000, 600]);

  it("no client gets more than the limit", async () => {
    await fc.assert(
      fc.asyncProperty(limit, fc.array(step, { minLength: 1, maxLength: 40 }), async ([rate = 0, burst = 0], steps) => {
        const { clock, calls } = cluster(3);
        const passedAtMs: number[] = [];
        for (const { afterMs, gateway, shareOfBurst, cost } of steps) {
          await clock.advance(afterMs);
          const count = Math.ceil(shareOfBurst * burst) + 1;
          const outcomes = await calls(policy(rate, burst, { cost: Math.min(cost, burst) }), count, { gateway });
          for (const outcome of outcomes) {
            if (outcome === "allowed") {
              passedAtMs.push(...Array<number>(Math.min(cost, burst)).fill(clock.monotonicMs()));
            }
          }
        }
        expect(worstExcess(passedAtMs, rate, burst)).toBeLessThanOrEqual(1e-6);
      }),
      { numRuns: 60, seed: 7 },
    );
  });
});
