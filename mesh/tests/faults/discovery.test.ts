import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Clock, type Instance, systemClock } from "../../src/index.ts";
import { until } from "../../src/testing/index.ts";
import { type Bench, type Caller, flowingClock, full, startBench } from "./bench.ts";
import { allAnswer, failureOf, startLoad } from "./load.ts";

/*
 * Faults of what callers know: a registry that is away, empty, or restless, a clock that jumps, and nobody to call.
 */

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterEach(() => bench.clear());
afterAll(() => bench.close());

/** What the process says of itself at /metrics: connections counted against its ceiling. */
async function connectionsOf({ mesh }: Caller): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${mesh.ports.metrics}/metrics`)).text();
  return Number(/^weft_connections_allocated(?:\{.*\})? (\d+)/m.exec(metrics)?.[1]);
}

describe("Redis that is away and comes back empty", () => {
  test("costs no call, not even when an instance is killed meanwhile, and newcomers are found afterwards", async () => {
    const caller = await bench.caller();
    const [doomed] = await Promise.all([bench.instance("doomed"), bench.instance("left")]);
    await caller.sees(2);
    const asking = startLoad(6, (callId) => caller.ask(callId, { delayMs: 10 }));
    const running = startLoad(6, (callId) => caller.run(callId, { delayMs: 10 }));
    await allAnswer(2, asking, running);
    await bench.redis.stop();
    let away = true;
    // Also when this test fails: the next one needs it.
    onTestFinished(() => (away ? bench.redis.start() : undefined));
    await until("the loss is noticed", () => caller.mesh.redis.state() === "away");
    await Promise.all([asking.flows(full ? 1000 : 200), running.flows(full ? 1000 : 200)]);
    expect(await running.stop()).toEqual([]);
    doomed.child.kill("SIGKILL");
    await until("it is avoided", () => caller.state().available === 1);
    await asking.flows(200);
    await bench.redis.start();
    away = false;
    const newcomer = await bench.instance("newcomer");
    await until("the newcomer answers", () => asking.answers.has(newcomer.label));
    expect(await asking.stop()).toEqual([]);
  });
});

describe("an instance that registers and deregisters again and again", () => {
  test("costs no call, and leaves no connection behind", async () => {
    const caller = await bench.caller();
    const steady = await bench.local({ label: "steady", slowMs: 0 });
    const restless = await bench.behindProxy({ label: "restless", slowMs: 0 });
    await caller.sees(1);
    const settled = await until("the pool is full", async () => {
      const now = await connectionsOf(caller);
      return now >= 2 ? now : undefined;
    });
    const asking = startLoad(4, (callId) => caller.ask(callId, { delayMs: 5 }));
    const running = startLoad(4, (callId) => caller.run(callId, { delayMs: 5 }));
    for (let time = 0; time < (full ? 60 : 20); time += 1) {
      const record: Instance = {
        ...steady.instance,
        instanceId: `restless-${time}`,
        ports: { grpc: restless.port },
        startedAtMs: steady.instance.startedAtMs + time,
      };
      const registration = await caller.mesh.registry.register(record);
      await until("it is known", () => caller.state().instances === 2);
      // Leaves at every stage: while it is dialled, when it is connected, and under load.
      await asking.flows(time % 3 === 0 ? 1 : 20);
      await registration.deregister();
      await until("it is forgotten", () => caller.state().instances === 1);
    }
    expect(asking.answers.get("restless")).toBeGreaterThan(0);
    expect(await asking.stop()).toEqual([]);
    expect(await running.stop()).toEqual([]);
    await until("its connections are closed", () => restless.open === 0);
    await until("none is counted any more", async () => (await connectionsOf(caller)) === settled);
  });
});

describe("a wall clock that jumps an hour", () => {
  test.each(full ? [3_600_000, -3_600_000] : [3_600_000])(
    "by %d ms changes no deadline, no record and no pool",
    async (jumpMs) => {
      const clock = flowingClock();
      let offMs = 0;
      const jumping = (of: Clock): Clock => ({
        now: () => of.now() + offMs,
        monotonicMs: () => of.monotonicMs(),
        setTimer: (fn, delayMs, options) => of.setTimer(fn, delayMs, options),
        sleep: (delayMs, signal) => of.sleep(delayMs, signal),
      });
      try {
        const caller = await bench.caller({ clock: jumping(clock) });
        await bench.local({ label: "one", slowMs: 0 }, { clock: jumping(systemClock) });
        await bench.local({ label: "two", slowMs: 0 }, { clock: jumping(systemClock) });
        await caller.sees(2);
        const connections = await connectionsOf(caller);
        const load = startLoad(2, (callId) => caller.ask(callId, { delayMs: 5 }));
        await load.flows(50);
        offMs = jumpMs;
        const late = caller.ask("late", { delayMs: 600_000, timeoutMs: 2000 }).catch((error: unknown) => error);
        // Long enough for everything to be read again and for what is taken for expired to be dropped.
        const sinceMs = clock.monotonicMs();
        await until("twelve seconds have passed", () => clock.monotonicMs() - sinceMs > 12_000);
        expect(failureOf("late", await late)).toMatchObject({ code: "DeadlineExceeded" });
        expect(caller.state()).toEqual({ instances: 2, available: 2 });
        expect(await connectionsOf(caller)).toBe(connections);
        expect(load.answers.size).toBe(2);
        expect(await load.stop()).toEqual([]);
      } finally {
        await bench.clear();
        await clock.stop();
      }
    },
  );
});

describe("a caller whose peer has no instance", () => {
  test("is told so at once, and finds the first one that starts without being restarted", async () => {
    const caller = await bench.caller();
    for (let call = 0; call < 3; call += 1) {
      const error: unknown = await caller.ask("nobody").catch((reason: unknown) => reason);
      expect(failureOf("nobody", error)).toMatchObject({ code: "Unavailable", reason: "MESH_NO_INSTANCES" });
    }
    const first = await bench.local({ label: "first", slowMs: 0 });
    await caller.sees(1);
    expect(await caller.ask("first")).toBe("first");
    await first.stop();
    await until("it is gone", () => caller.state().instances === 0);
    await bench.local({ label: "second", slowMs: 0 });
    await caller.sees(1);
    expect(await caller.ask("second")).toBe("second");
  });
});
