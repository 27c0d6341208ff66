import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../src/testing/until.ts";
import { type Bench, type Caller, flowingClock, full, type InstanceProcess, startBench } from "./bench.ts";
import { allAnswer, startLoad } from "./load.ts";

/*
 * Faults of processes: killed, stopped, restarted. The instances are processes of their own, the caller is this one.
 */

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterEach(() => bench.clear());
afterAll(() => bench.close());

/** So many instances, and calls of both kinds to them, some of which are always in flight. */
async function underLoad(count: number, caller: Caller) {
  const labels = Array.from({ length: count }, (_, index) => `instance ${index}`);
  const instances = await Promise.all(labels.map((label) => bench.instance(label)));
  await caller.sees(count);
  const asking = startLoad(8, (callId) => caller.ask(callId, { delayMs: 20 }));
  const running = startLoad(8, (callId) => caller.run(callId, { delayMs: 20 }));
  await allAnswer(count, asking, running);
  return { instances, asking, running };
}

describe("an instance that is killed with -9", () => {
  test("costs no call that may be repeated, and of the others only those in flight there, which never run twice", async () => {
    const count = full ? 3 : 2;
    const caller = await bench.caller();
    const { instances, asking, running } = await underLoad(count, caller);
    const killed = new Set<string>();
    for (let round = 0; round < (full ? 3 : 1); round += 1) {
      const victim = instances.shift() as InstanceProcess;
      killed.add(victim.label);
      victim.child.kill("SIGKILL");
      await until("the loss is known", () => caller.state().available === count - 1);
      await Promise.all([asking.flows(200), running.flows(200)]);
      if (full) {
        instances.push(await bench.instance(`replacement ${round}`));
        await caller.sees(count);
        await asking.flows(200);
      }
    }
    expect(await asking.stop()).toEqual([]);
    const failures = await running.stop();
    expect(failures.filter(({ reason }) => reason !== "MESH_CONNECTION_LOST")).toEqual([]);
    expect(failures.length).toBeLessThanOrEqual(8 * killed.size);
    const runs = await bench.runs();
    for (const { callId } of failures) {
      // By the killed one, if it came so far; by nobody else.
      expect([[], ...[...killed].map((label) => [label])]).toContainEqual(runs.get(callId) ?? []);
    }
    expect(running.answered.filter((callId) => runs.get(callId)?.length !== 1)).toEqual([]);
  });
});

describe("an instance that is stopped with SIGSTOP", () => {
  test.skipIf(!full)(
    "is noticed in less than two keepalive intervals, costs no call that may be repeated, and returns with SIGCONT",
    async () => {
      const clock = flowingClock();
      try {
        const caller = await bench.caller({ clock });
        const [stopped] = await Promise.all([bench.instance("stopped"), bench.instance("other")]);
        await caller.sees(2);
        const load = startLoad(8, (callId) => caller.ask(callId, { delayMs: 20 }));
        await allAnswer(2, load);
        stopped.child.kill("SIGSTOP");
        const sinceMs = clock.monotonicMs();
        await until("it is avoided", () => caller.state().available === 1);
        expect(clock.monotonicMs() - sinceMs).toBeLessThan(2 * keepaliveIntervalMs);
        await load.flows(200);
        stopped.child.kill("SIGCONT");
        await caller.sees(2);
        if (full) {
          // Its latency is remembered as long as it was stopped, so that takes a while.
          const answeredBefore = load.answers.get(stopped.label) ?? 0;
          await until("it answers again", () => (load.answers.get(stopped.label) ?? 0) > answeredBefore, 90_000);
        }
        expect(await load.stop()).toEqual([]);
      } finally {
        await bench.clear();
        await clock.stop();
      }
    },
  );
});

describe("a rolling restart of every instance", () => {
  test("under load fails not one call of either kind, and every instance ends by itself", async () => {
    const count = full ? 3 : 2;
    const caller = await bench.caller();
    const { instances, asking, running } = await underLoad(count, caller);
    for (let round = 0; round < (full ? 2 : 1); round += 1) {
      for (const [index, old] of instances.splice(0).entries()) {
        expect(await old.terminate()).toBe(0);
        await Promise.all([asking.flows(50), running.flows(50)]);
        instances.push(await bench.instance(`round ${round}, ${index}`));
        await caller.sees(count);
      }
    }
    await until("the new ones answer", () =>
      instances.every(({ label }) => [asking, running].some(({ answers }) => answers.has(label))),
    );
    expect(await asking.stop()).toEqual([]);
    expect(await running.stop()).toEqual([]);
    const runs = await bench.runs();
    expect(running.answered.filter((callId) => runs.get(callId)?.length !== 1)).toEqual([]);
  });
});

/** A ping is sent every 5 s. */
const keepaliveIntervalMs = 5000;
