import { afterEach, describe, expect, test } from "vitest";
import { ReplicationPool } from "./replication-pool.ts";

let pool: ReplicationPool | undefined;
afterEach(() => pool?.end());

const nothing = { components: [], links: [], workloads: [] };
const options = { seed: 5, durationMs: 1000, warmupMs: 0, load: 1, slices: 2 };

function program(source: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

const echo = `
import { parentPort, threadId } from "node:worker_threads";
parentPort.on("message", (options) => parentPort.postMessage({ outcome: { threadId, options } }));`;

describe("ReplicationPool", () => {
  test("runs many replications on no more threads than its size, each with its own options", async () => {
    pool = new ReplicationPool(nothing, { size: 2, program: program(echo) });
    const seeds = Array.from({ length: 12 }, (_, seed) => seed);
    const outcomes = (await Promise.all(seeds.map((seed) => pool?.run({ ...options, seed })))) as unknown as {
      threadId: number;
      options: typeof options;
    }[];
    expect(outcomes.map((outcome) => outcome.options.seed)).toEqual(seeds);
    expect(new Set(outcomes.map(({ threadId }) => threadId)).size).toBe(2);
  });

  test.each([
    ['throw new Error("out of luck");', /worker of the replication with seed 5 failed/],
    ["process.exit(3);", /worker of the replication with seed 5 ended with code 3/],
  ])("fails a replication whose thread runs %j", async (source, message) => {
    pool = new ReplicationPool(nothing, { size: 1, program: program(source) });
    await expect(pool.run(options)).rejects.toThrow(message);
  });

  test("names the seed of a replication that fails, and goes on", async () => {
    pool = new ReplicationPool(nothing, { size: 1 });
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(pool.run(options)).rejects.toThrow(/the replication with seed 5 failed: no workload/);
    }
  });
});
