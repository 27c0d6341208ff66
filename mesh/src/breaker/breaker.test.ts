import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import type { Outcome } from "./blame.ts";
import { Breaker, type BreakerOptions, type BreakerTransition } from "./breaker.ts";

const restMs = 2000;

/** A breaker at a time that the test moves. */
function start(options: BreakerOptions = {}) {
  const transitions: BreakerTransition[] = [];
  const breaker = new Breaker({
    options: { minCalls: 4, restMs, ...options },
    random: seededRandom(1),
    onTransition: (transition) => void transitions.push(transition),
  });
  const time = { ms: 100_000 };
  const run = (outcome: Outcome, times = 1, everyMs = 0): void => {
    for (let call = 0; call < times; call += 1) {
      if (breaker.begin(time.ms)) {
        breaker.record(outcome, time.ms);
      }
      time.ms += everyMs;
    }
  };
  const state = () => breaker.state(time.ms);
  const changes = () => transitions.map(({ to, reason }) => `${to}: ${reason}`);
  return { breaker, transitions, changes, run, state, time };
}

function ejected(options: BreakerOptions = {}) {
  const parts = start(options);
  parts.run("failure", 4);
  expect(parts.state()).toBe("ejected");
  return parts;
}

/** The end of the last rest that was begun, told by asking every 10 ms. */
function restOf({ breaker, time }: ReturnType<typeof start>): number {
  const beganMs = time.ms;
  while (!breaker.admits(time.ms)) {
    time.ms += 10;
  }
  return time.ms - beganMs;
}

describe("an admitting breaker", () => {
  test("ejects once half of enough calls have failed, and says how many", () => {
    const { transitions, run, state } = start();
    run("success", 3);
    run("failure", 2);
    expect(state()).toBe("admitting");
    run("failure");
    expect(state()).toBe("ejected");
    expect(transitions).toMatchObject([
      { from: "admitting", to: "ejected", reason: "success_rate", detail: expect.stringContaining("3 of 6 calls") },
    ]);
    expect(transitions[0]?.detail).toMatch(/failed in 10 s; rests for 2 s$/);
  });

  test("waits for enough calls before it judges", () => {
    const { run, state } = start();
    run("failure", 3);
    expect(state()).toBe("admitting");
  });

  test("forgets failures that are older than its window", () => {
    const { run, state, time } = start({ windowMs: 1000 });
    run("failure", 3);
    time.ms += 1200;
    run("failure", 1);
    expect(state()).toBe("admitting");
  });

  test("does not count what says nothing", () => {
    const { run, state } = start();
    run("failure", 3);
    run("neutral", 20);
    expect(state()).toBe("admitting");
    run("failure");
    expect(state()).toBe("ejected");
  });

  test("ejects an instance with little traffic after five failures in a row", () => {
    const { run, state, changes } = start({ minCalls: 10 });
    run("failure", 4, 2000);
    expect(state()).toBe("admitting");
    run("failure");
    expect(changes()).toEqual(["ejected: consecutive_failures"]);
  });

  test("takes the calls of one lost connection for one event, not for failures in a row", () => {
    const { run, state } = start({ minCalls: 10 });
    run("success", 20);
    run("failure", 15);
    expect(state()).toBe("admitting");
  });
});

describe("an ejected breaker", () => {
  test("takes no call", () => {
    const { breaker, time } = ejected();
    expect([breaker.admits(time.ms), breaker.begin(time.ms)]).toEqual([false, false]);
    expect(breaker.admitsAtMs).toBe(time.ms + restMs);
  });

  test("learns nothing from calls that began before", () => {
    const { run, state, breaker, time, changes } = ejected();
    breaker.record("success", time.ms + 5, 500);
    expect(state()).toBe("ejected");
    time.ms += restMs;
    expect(breaker.begin(time.ms)).toBe(true);
    breaker.record("failure", time.ms + 1, restMs + 500);
    expect(state()).toBe("probing");
    breaker.record("success", time.ms + 2, 2);
    time.ms += 10;
    for (let late = 0; late < 20; late += 1) {
      breaker.record("failure", time.ms, 3000);
    }
    expect(state()).toBe("admitting");
    run("success");
    expect(changes()).toEqual(["ejected: success_rate", "probing: rest_over", "admitting: probe_ok"]);
  });

  test("takes one call as a probe after its rest, and others go elsewhere meanwhile", () => {
    const { breaker, time, state } = ejected();
    time.ms += restMs - 1;
    expect(state()).toBe("ejected");
    time.ms += 1;
    expect(state()).toBe("probing");
    expect([breaker.admits(time.ms), breaker.admits(time.ms)]).toEqual([true, true]);
    expect([breaker.begin(time.ms), breaker.begin(time.ms), breaker.admits(time.ms)]).toEqual([true, false, false]);
    breaker.record("success", time.ms + 3, 3);
    expect(state()).toBe("admitting");
  });

  test("begins the same rest anew after a probe that said nothing", () => {
    const parts = ejected();
    parts.time.ms += restMs;
    parts.run("neutral");
    expect(parts.changes().at(-1)).toBe("ejected: probe_unclear");
    expect(restOf(parts)).toBe(restMs);
  });

  test("rests longer after each probe that failed, up to a limit, and not as long as others", () => {
    const parts = ejected({ maxRestMs: 10_000 });
    const rests = [restOf(parts)];
    for (let probe = 0; probe < 5; probe += 1) {
      parts.run("failure");
      rests.push(restOf(parts));
    }
    const ceilings = [2000, 4000, 8000, 10_000, 10_000, 10_000];
    rests.forEach((rest, index) => {
      expect(rest).toBeGreaterThanOrEqual((ceilings[index] as number) * (index === 0 ? 1 : 0.75));
      expect(rest).toBeLessThanOrEqual((ceilings[index] as number) + 10);
    });
    expect(new Set(rests.slice(3)).size).toBe(3);
    expect(parts.changes().filter((change) => change === "ejected: probe_failed")).toHaveLength(5);
  });

  test("rests longer when it is ejected again soon after it recovered, and not when it held for a while", () => {
    const parts = ejected();
    restOf(parts);
    parts.run("success");
    parts.time.ms += 1000;
    parts.run("failure", 4);
    expect(restOf(parts)).toBeGreaterThan(restMs);
    parts.run("success");
    parts.time.ms += 11_000;
    parts.run("failure", 4);
    expect(restOf(parts)).toBe(restMs);
  });

  test("lets another probe go when nothing is heard of the first", () => {
    const { breaker, time } = ejected();
    time.ms += restMs;
    expect(breaker.begin(time.ms)).toBe(true);
    expect(breaker.begin(time.ms + 29_000)).toBe(false);
    expect(breaker.begin(time.ms + 30_000)).toBe(true);
  });
});
