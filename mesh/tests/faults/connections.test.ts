import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/index.ts";
import { type ChaosProxy, FakeClock, until } from "../../src/testing/index.ts";
import { anyPorts, type Bench, flowingClock, full, startBench } from "./bench.ts";
import type { ChurnReport } from "./churn-process.ts";
import { startLoad } from "./load.ts";

/*
 * What many connections do, over time and at the same time: leaks, storms, age.
 */

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
});
afterEach(() => bench.clear());
afterAll(() => bench.close());

describe("ten thousand connections, opened and closed", () => {
  // The tenth part of it where everything has to be quick.
  const connections = full ? 10_000 : 1000;

  test("leave no memory and no handle behind, on either side", async () => {
    const script = fileURLToPath(new URL("churn-process.ts", import.meta.url));
    const child = spawn(process.execPath, ["--expose-gc", script], {
      env: { ...process.env, ...anyPorts, REDIS_URL: bench.redis.url, CHURN_CONNECTIONS: `${connections}` },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const exited = once(child, "exit");
    try {
      const [report] = (await Promise.race([
        once(child, "message"),
        exited.then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
      ])) as [ChurnReport];
      expect(report.after).toEqual(report.before);
      // A heap without leaks is found 3 MB larger or 5 MB smaller; a connection that leaks leaves some kilobytes each time.
      expect(report.heapGrowthBytes).toBeLessThan(full ? 8_000_000 : 4_000_000);
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
  });
});

describe("thirty callers with five connections each, all lost at once", () => {
  const callers = 30;
  const perCaller = 5;
  const all = callers * perCaller;

  /** The clock stands still unless `pass` moves it, so that only what waits for nothing is dialled meanwhile. */
  async function connected() {
    const clock = new FakeClock(Date.now());
    const proxy = await bench.behindProxy({ label: "one", slowMs: 0 });
    const ready = await Promise.all(
      Array.from({ length: callers }, (_, seed) =>
        bench.caller({
          clock,
          random: seededRandom(seed + 1),
          pool: { minConnections: perCaller, maxConnections: perCaller },
          through: [proxy],
        }),
      ),
    );
    await untilAll(clock, proxy);
    return { clock, proxy, ready };
  }

  const untilAll = (clock: FakeClock, proxy: ChaosProxy): Promise<unknown> =>
    until(
      "all are connected",
      async () => {
        await pass(clock, stepMs);
        return proxy.open === all;
      },
      120_000,
    );

  /** Lets time pass in steps, with I/O between them; gives how many connections came in each step. */
  async function pass(clock: FakeClock, ms: number, accepted: () => number = () => 0): Promise<number[]> {
    const arrivals: number[] = [];
    for (let passed = 0; passed < ms; passed += stepMs) {
      const known = accepted();
      await clock.advance(stepMs);
      await pause(5);
      arrivals.push(accepted() - known);
    }
    return arrivals;
  }
  const stepMs = 50;

  test("by a restart come back spread over the backoff, not together", async () => {
    const { clock, proxy, ready } = await connected();
    proxy.refuse();
    proxy.reset();
    await until("all know", () => ready.every(({ state }) => state().available === 0));
    // Long enough for every backoff to have reached its ceiling.
    await pass(clock, 10_000);
    await proxy.accept();
    const arrivals = await pass(clock, 3000, () => proxy.accepted);
    await untilAll(clock, proxy);
    expect(arrivals.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(all);
    // Two seconds have forty steps: even ones would bring 4 each.
    expect(Math.max(...arrivals)).toBeLessThan(all / 4);
    expect(arrivals.filter((count) => count > 0).length).toBeGreaterThan(12);
  });

  test("while the instance goes on listening, come back spread over a quarter of a second", async () => {
    const { clock, proxy } = await connected();
    const known = proxy.accepted;
    proxy.reset();
    await until("all are lost", () => proxy.open === 0);
    expect(proxy.accepted).toBe(known);
    const arrivals = await pass(clock, 1000, () => proxy.accepted);
    await untilAll(clock, proxy);
    // A quarter of a second has five steps: even ones would bring a fifth each.
    expect(Math.max(...arrivals)).toBeLessThan(all / 2);
    expect(arrivals.filter((count) => count > 0).length).toBeGreaterThan(3);
  });
});

describe("a connection that reaches its maximum age", () => {
  test.runIf(full)("is replaced without one failed call, not together with the others", async () => {
    const clock = flowingClock();
    try {
      const stamps: number[] = [];
      const service = await bench.hidden(
        { label: "one", slowMs: 0 },
        { clock, env: { WEFT_MAX_CONNECTION_AGE: "5s" } },
      );
      const proxy = await bench.proxyTo(service, () => void stamps.push(clock.monotonicMs()));
      const caller = await bench.caller({ through: [proxy], pool: { minConnections: 10 } });
      await until("the pool is full", () => proxy.open === 10);
      const running = startLoad(6, (callId) => caller.run(callId, { delayMs: 5 }));
      await until("twelve seconds have passed", () => clock.monotonicMs() > 12_000);
      expect(await running.stop()).toEqual([]);
      const replacements = stamps.slice(10);
      expect(replacements.length).toBeGreaterThanOrEqual(10);
      expect(new Set(replacements).size).toBeGreaterThan(5);
    } finally {
      await bench.clear();
      await clock.stop();
    }
  });
});
