import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../src/testing/index.ts";
import { type Bench, full, startBench } from "./bench.ts";
import type { Fixture } from "./fixture-routes.ts";
import { allAnswer, type Load, startLoad } from "./load.ts";

/*
 * Faults of one instance among several that go on answering: slow, or on its way out.
 */

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterEach(() => bench.clear());
afterAll(() => bench.close());

/** How much of the next `count` calls one instance answers, from 0 to 1. */
async function shareOf(label: string, load: Load, count: number): Promise<number> {
  const total = load.answered.length;
  const own = load.answers.get(label) ?? 0;
  await load.flows(count);
  return ((load.answers.get(label) ?? 0) - own) / (load.answered.length - total);
}

describe("an instance that becomes slow", () => {
  test("loses most of its share of the calls, and fails none", async () => {
    const fixtures: Fixture[] = ["slow", "second", "third"].map((label) => ({ label, slowMs: 5 }));
    const caller = await bench.caller();
    for (const fixture of fixtures) {
      await bench.local(fixture);
    }
    await caller.sees(3);
    const load = startLoad(12, (callId) => caller.ask(callId));
    await allAnswer(3, load);
    await load.flows(200);
    const fair = await shareOf("slow", load, 300);
    expect(fair).toBeGreaterThan(0.15);
    (fixtures[0] as Fixture).slowMs = 500;
    // Until its slowness has been seen.
    await load.flows(200);
    expect(await shareOf("slow", load, full ? 2000 : 500)).toBeLessThan(fair / 2);
    expect(await load.stop()).toEqual([]);
  });
});

describe("an instance that says GOAWAY with calls in flight", () => {
  test("answers those, takes no new ones, and costs none", async () => {
    const caller = await bench.caller();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const leaving = await bench.local({ label: "leaving", slowMs: 0, held }, { env: { WEFT_DRAIN_TIMEOUT: "60s" } });
    await caller.sees(1);
    let inFlight = 0;
    const answers = Array.from({ length: 40 }, (_, index) => {
      inFlight += 1;
      const call = index % 2 === 0 ? caller.ask : caller.run;
      return call(`in flight ${index}`, { delayMs: 1, timeoutMs: 60_000 }).finally(() => {
        inFlight -= 1;
      });
    });
    await caller.run("sent after those");
    await bench.local({ label: "staying", slowMs: 0 });
    await caller.sees(2);
    const stopped = leaving.stop();
    await until("it is not called any more", () => caller.state().instances === 1);
    expect(inFlight).toBe(40);
    const load = startLoad(4, (callId) => caller.run(callId, { delayMs: 2 }));
    await load.flows(50);
    release();
    expect(await Promise.all(answers)).toEqual(Array(40).fill("leaving"));
    await stopped;
    expect(await load.stop()).toEqual([]);
    expect([...load.answers.keys()]).toEqual(["staying"]);
  });
});
