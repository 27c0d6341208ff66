import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type ChaosProxy, until } from "../../src/testing/index.ts";
import { type Bench, type Caller, flowingClock, full, startBench } from "./bench.ts";
import type { Fixture } from "./fixture-routes.ts";
import { allAnswer, type Failure, failureOf, startLoad } from "./load.ts";

/*
 * Faults of the network between a caller and its instances, made by a chaos proxy before each instance. Caller and
 * instances run in this process: the network cannot tell.
 */

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterEach(() => bench.clear());
afterAll(() => bench.close());

function failure(callId: string, call: Promise<unknown>): Promise<Failure> {
  return call.then(
    () => expect.fail("the call was answered"),
    (error: unknown) => failureOf(callId, error),
  );
}

/** Two instances, each behind a proxy of its own, and whoever ran what. */
async function twoBehindProxies() {
  const runs: string[] = [];
  const fixture = (label: string): Fixture => ({ label, slowMs: 0, onRun: (callId) => void runs.push(callId) });
  const [near, far] = [await bench.behindProxy(fixture("near")), await bench.behindProxy(fixture("far"))];
  return { near, far, runs };
}

const loops = 10;

/** Calls of both kinds, to both instances. */
async function trafficOf(caller: Caller) {
  await caller.sees(2);
  const asking = startLoad(loops, (callId) => caller.ask(callId, { delayMs: 5 }));
  const running = startLoad(loops, (callId) => caller.run(callId, { delayMs: 5 }));
  await allAnswer(2, asking, running);
  return { asking, running };
}

describe("a slow network", () => {
  test("with latency and jitter delays calls and fails none, and deadlines hold", async () => {
    const { near, far } = await twoBehindProxies();
    const caller = await bench.caller({ through: [near, far] });
    await caller.sees(2);
    for (const proxy of [near, far]) {
      proxy.set({ latencyMs: 30, jitterMs: 20 });
    }
    const load = startLoad(16, (callId) => caller.ask(callId));
    await load.flows(200);
    const late = await failure("late", caller.run("late", { timeoutMs: 40 }));
    expect(late).toMatchObject({ code: "DeadlineExceeded", reason: "MESH_DEADLINE_EXCEEDED" });
    expect(await load.stop()).toEqual([]);
  });

  test("of little bandwidth carries large answers slowly, lets a deadline pass when it must, and small calls go on", async () => {
    const proxy = await bench.behindProxy({ label: "one", slowMs: 0 });
    const caller = await bench.caller({ through: [proxy] });
    await caller.sees(1);
    proxy.set({ bytesPerSecond: 1_000_000 }, "down");
    expect(await caller.ask("large", { answerBytes: 300_000 })).toBe("one");
    const tooLarge = await failure("too large", caller.ask("too large", { answerBytes: 4_000_000, timeoutMs: 300 }));
    expect(tooLarge).toMatchObject({ code: "DeadlineExceeded", reason: "MESH_DEADLINE_EXCEEDED" });
    const load = startLoad(4, (callId) => caller.ask(callId));
    await load.flows(40);
    expect(await load.stop()).toEqual([]);
  });
});

describe.each<[what: string, cut: (proxy: ChaosProxy) => void]>([
  ["is reset", (proxy) => proxy.reset()],
  ["is half-closed by the instance", (proxy) => proxy.halfClose("down")],
  ["is half-closed by the caller", (proxy) => proxy.halfClose("up")],
])("a connection that %s with calls in flight", (_what, cut) => {
  test("fails no call that may be repeated; of the others those in flight, once, and none runs twice", async () => {
    const { near, far, runs } = await twoBehindProxies();
    const caller = await bench.caller({ through: [near, far] });
    const { asking, running } = await trafficOf(caller);
    const times = full ? 10 : 3;
    for (let time = 0; time < times; time += 1) {
      cut(near);
      await Promise.all([asking.flows(30), running.flows(30)]);
      await caller.sees(2);
    }
    expect(await asking.stop()).toEqual([]);
    const failures = await running.stop();
    expect(failures.filter(({ reason }) => reason !== "MESH_CONNECTION_LOST")).toEqual([]);
    expect(failures.length).toBeLessThanOrEqual(loops * times);
    expect(new Set(runs).size).toBe(runs.length);
  });

  test("in the middle of a long answer costs no call that may be repeated", async () => {
    const near = await bench.behindProxy({ label: "near", slowMs: 0 });
    const caller = await bench.caller({ through: [near] });
    await caller.sees(1);
    near.set({ bytesPerSecond: 100_000 }, "down");
    const known = near.bytes.down;
    const pending = caller.ask("long answer", { answerBytes: 400_000 });
    await until("it is under way", () => near.bytes.down > known + 10_000);
    cut(near);
    near.heal();
    expect(await pending).toBe("near");
  });

  test("fails a call that may not be repeated at once, although the instance could be called again", async () => {
    const { near, runs } = await twoBehindProxies();
    const caller = await bench.caller({ through: [near] });
    await caller.sees(1);
    const pending = failure("only once", caller.run("only once", { delayMs: 20_000, timeoutMs: 60_000 }));
    await until("it runs", () => runs.length === 1);
    cut(near);
    expect(await pending).toMatchObject({ code: "Unavailable", reason: "MESH_CONNECTION_LOST" });
    expect(runs).toEqual(["only once"]);
  });
});

describe("a network that is a blackhole", () => {
  test.each(full ? ([undefined, "up", "down"] as const) : [undefined])(
    "(%s) is noticed in less than two keepalive intervals: calls move on, deadlines hold, and it is available again when it heals",
    async (direction) => {
      const clock = flowingClock();
      try {
        const { near, far } = await twoBehindProxies();
        const caller = await bench.caller({ clock, through: [near, far] });
        await caller.sees(2);
        const load = startLoad(6, (callId) => caller.ask(callId, { delayMs: 2 }));
        await allAnswer(2, load);
        near.set({ blackhole: true }, direction);
        const sinceMs = clock.monotonicMs();
        // More than one: at least one of them meets the hole.
        const short = await Promise.all(
          Array.from({ length: 8 }, (_, index) =>
            caller.run(`short ${index}`, { timeoutMs: 1000 }).catch((error: unknown) => failureOf("short", error)),
          ),
        );
        expect(clock.monotonicMs() - sinceMs).toBeLessThan(keepaliveIntervalMs);
        for (const outcome of short) {
          expect(["far", "DeadlineExceeded"]).toContain(typeof outcome === "string" ? outcome : outcome.code);
        }
        await until("it is avoided", () => caller.state().available === 1);
        expect(clock.monotonicMs() - sinceMs).toBeLessThan(2 * keepaliveIntervalMs);
        await load.flows(100);
        near.heal();
        await caller.sees(2);
        if (full) {
          // Its latency is remembered as long as the hole was deep, so that takes a while.
          const answeredBefore = load.answers.get("near") ?? 0;
          await until("it is called again", () => (load.answers.get("near") ?? 0) > answeredBefore, 90_000);
        }
        expect(await load.stop()).toEqual([]);
      } finally {
        await bench.clear();
        await clock.stop();
      }
    },
  );
});

describe("a blackhole in the middle of an answer", () => {
  test("is a lost connection: the call is repeated elsewhere when it may be", async () => {
    const clock = flowingClock();
    try {
      const { near, far } = await twoBehindProxies();
      const caller = await bench.caller({ clock, through: [near, far] });
      await caller.sees(2);
      for (const proxy of [near, far]) {
        proxy.set({ bytesPerSecond: 100_000 }, "down");
      }
      const known = { near: near.bytes.down, far: far.bytes.down };
      const pending = caller.ask("long answer", { answerBytes: 400_000 });
      const [hit, other, label] = await until("it is under way", () => {
        if (near.bytes.down > known.near + 10_000) {
          return [near, far, "far"] as const;
        }
        return far.bytes.down > known.far + 10_000 && ([far, near, "near"] as const);
      });
      hit.set({ blackhole: true });
      other.heal();
      expect(await pending).toBe(label);
    } finally {
      await bench.clear();
      await clock.stop();
    }
  });
});

describe("an instance that refuses connections", () => {
  test("fails calls at once, and is called again within the backoff when it is back", async () => {
    const clock = flowingClock();
    try {
      const proxy = await bench.behindProxy({ label: "one", slowMs: 0 });
      const caller = await bench.caller({ clock, through: [proxy] });
      await caller.sees(1);
      proxy.refuse();
      proxy.reset();
      await until("it is not available", () => caller.state().available === 0);
      const refused = await failure("refused", caller.ask("refused"));
      expect(refused).toMatchObject({ code: "Unavailable", reason: "MESH_CONNECT_FAILED" });
      await proxy.accept();
      const sinceMs = clock.monotonicMs();
      await caller.sees(1);
      // The longest pause between dials is 2 s; the rest is the dial itself.
      expect(clock.monotonicMs() - sinceMs).toBeLessThan(3000);
      expect(await caller.ask("back")).toBe("one");
    } finally {
      await bench.clear();
      await clock.stop();
    }
  });

  test("costs no call while another one is there, however often it resets and refuses", async () => {
    const { near, far } = await twoBehindProxies();
    const caller = await bench.caller({ through: [near, far] });
    await caller.sees(2);
    const load = startLoad(6, (callId) => caller.ask(callId, { delayMs: 5 }));
    for (let time = 0; time < (full ? 10 : 2); time += 1) {
      near.refuse();
      near.reset();
      near.resetNext(3);
      await load.flows(50);
      await near.accept();
      await caller.sees(2);
    }
    expect(await load.stop()).toEqual([]);
  });
});

/** A ping is sent every 5 s. */
const keepaliveIntervalMs = 5000;
