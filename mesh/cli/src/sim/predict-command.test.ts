import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "citty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hear } from "../../tests/hear.ts";
import { simPredictCommand } from "./predict-command.ts";

const shop = {
  components: [
    { id: "people", kind: "client" },
    { id: "checkout", kind: "service", concurrency: 1, serviceTime: { kind: "exponential", meanMs: 10, cv: 1 } },
  ],
  links: [{ id: "call", from: "people", to: "checkout", latency: { kind: "constant", meanMs: 0, cv: 0 } }],
  workloads: [{ id: "visits", component: "people", ratePerSecond: 60 }],
};

let file: string;
const heard = hear("stdout");

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "weft-sim-"));
  file = join(folder, "shop.json");
  await writeFile(file, JSON.stringify(shop));
});
afterAll(() => rm(join(file, ".."), { recursive: true, force: true }));

async function run(...args: string[]): Promise<string> {
  await runCommand(simPredictCommand, { rawArgs: [file, ...args] });
  return heard.text;
}

describe("weft sim predict", () => {
  test("is near the exact answer of a queue, and brackets it", async () => {
    const { latencyMs, utilization, maximumLoad } = JSON.parse(await run("--format", "json"));
    // M/M/1 at 0.6: the mean stay is 10 ms / 0.4, and its p99 is ln(100) times that.
    expect(latencyMs.mean.theory).toBeCloseTo(25, 1);
    expect(latencyMs.mean.low).toBeLessThan(25);
    expect(latencyMs.mean.high).toBeGreaterThan(25);
    expect(latencyMs.p99.value / (25 * Math.log(100))).toBeCloseTo(1, 1);
    expect(utilization.value).toBeCloseTo(0.6, 1);
    expect(maximumLoad).toBeCloseTo(100 / 60, 2);
  });

  test("prints a table with intervals, and what saturates first", async () => {
    const table = await run("--set", "checkout.instances=2");
    expect(table).toMatch(/p99 +\d[\d.]* ms +\d[\d.]* ms to \d[\d.]* ms/);
    expect(table).toMatch(/it bears 3\.33 times this load \(200 requests\/s\), where checkout saturates/);
  });

  test("says it when more arrives than can be done", async () => {
    const table = await run("--load", "2");
    expect(table).toContain("it bears 0.833 times this load");
    expect(table).toContain('component "checkout": it sheds requests');
  });

  test("refuses a format that it does not have", async () => {
    await expect(run("--format", "html")).rejects.toThrow('--format is "html"; it takes table, json');
  });

  test("says what it was not trained on", async () => {
    expect(await run("--set", "checkout.cpus=1")).toContain('component "checkout": its requests share cores');
  });
});
