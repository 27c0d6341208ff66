import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandDef, runCommand } from "citty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hear } from "../../tests/hear.ts";
import { simCapacityCommand } from "./capacity-command.ts";
import { simCompareCommand } from "./compare-command.ts";
import { simRunCommand } from "./run-command.ts";
import { simSweepCommand } from "./sweep-command.ts";

const shop = {
  components: [
    { id: "people", kind: "client" },
    { id: "checkout", kind: "service", concurrency: 1, serviceTime: { kind: "exponential", meanMs: 10, cv: 1 } },
  ],
  links: [{ id: "call", from: "people", to: "checkout", latency: { kind: "constant", meanMs: 0, cv: 0 } }],
  workloads: [{ id: "visits", component: "people", ratePerSecond: 60 }],
};
const short = ["--duration", "5s", "--warmup", "1s"];

let folder: string;
const heard = hear("stderr");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-sim-"));
  const write = (name: string, content: unknown) => writeFile(join(folder, name), JSON.stringify(content));
  await write("shop.json", shop);
  const [people, checkout] = shop.components;
  await write("faster.json", { ...shop, components: [people, { ...checkout, serviceTime: { meanMs: 5 } }] });
  await write("prices.json", { checkout: 0.5 });
  await write("bad-prices.json", { checkout: "much" });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

// biome-ignore lint/suspicious/noExplicitAny: commands differ in their arguments; citty's own type for any of them.
async function run(command: CommandDef<any>, ...args: string[]): Promise<string> {
  const output = join(folder, "output");
  await rm(output, { force: true });
  const rawArgs = args.map((text) => (/^[\w-]+\.json$/.test(text) ? join(folder, text) : text));
  await runCommand(command, { rawArgs: [...rawArgs, "--output", output] });
  return await readFile(output, "utf8");
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
async function refusal(command: CommandDef<any>, ...args: string[]): Promise<string> {
  const error = await run(command, ...args).then(
    () => expect.unreachable("it ran"),
    (thrown) => thrown,
  );
  return `${error.message}\n${error.next ?? ""}`;
}

describe("weft sim compare", () => {
  const six = [...short, "--replications", "6"];

  test("says what a setting changes, with paired intervals, chances and costs", async () => {
    const options = ["--set", "checkout.instances=2", "--price", "checkout=0.12", "--objective", "p99<5ms"];
    const table = await run(simCompareCommand, "shop.json", ...six, ...options);
    expect(table).toMatch(
      /^shop.json → checkout.instances=2: 6 pairs of replications under the same seeds, from 1, of 5 s/,
    );
    expect(table).toMatch(/^ {2}- mean latency falls by [\d.]+ ms \([\d.]+ to [\d.]+\), from /m);
    expect(table).toMatch(/^checkout +1 → 2 +[\d.]+ % +-[\d.]+ points/m);
    expect(table).toMatch(/^p99<5ms is missed +100 % \(\d/m);
    expect(table).toMatch(/^total per hour +0.12 +0.24 +\+0.12$/m);
    expect(heard.text).toContain("shop.json: 6 of 6 replications");
  });

  test("compares two files under the same seeds, as JSON with both studies", async () => {
    const json = JSON.parse(await run(simCompareCommand, "shop.json", "faster.json", ...six, "--format", "json"));
    expect(json).toMatchObject({ before: "shop.json", after: "faster.json", replications: 6 });
    const throughput = json.figures[0];
    expect(throughput.difference.varianceReduction).toBeGreaterThan(10);
    expect([json.studies.before.seed, json.studies.after.seed]).toEqual([1, 1]);
    expect(json.studies.before.warmupMs).toBe(json.studies.after.warmupMs);
  });

  test("writes a page that stands alone", async () => {
    const page = await run(simCompareCommand, "shop.json", "faster.json", ...six, "--format", "html");
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain("shop.json → faster.json");
  });

  test.each([
    [[], "there is one version, and nothing to compare it with"],
    [["gone.json"], "cannot be read: ENOENT"],
    [["--set", "checkout.instances=2", "--price", "chekout=1"], 'price of "chekout": there is no such component'],
    [["--set", "checkout.instances=2", "--price", "checkout"], '--price "checkout" is no price'],
    [["--set", "checkout.instances=2", "--prices", "bad-prices.json"], 'price of "checkout": "much" given'],
    [["--set", "checkout.instances=2", "--objective", "p98<1s"], 'there is no figure "p98"; allowed are'],
  ])("refuses %j", async (args, message) => {
    expect(await refusal(simCompareCommand, "shop.json", ...args)).toContain(message);
    expect(heard.text).toBe("");
  });
});

describe("weft sim sweep", () => {
  const four = [...short, "--replications", "4"];

  test("shows a line for each value, and what the steps change", async () => {
    const options = ["--vary", "checkout.instances=1,3", "--objective", "mean<12ms", "--prices", "prices.json"];
    const table = await run(simSweepCommand, "shop.json", ...four, ...options);
    expect(table).toMatch(/^shop.json, checkout.instances: 2 values, each 4 replications of 5 s/);
    expect(table).toMatch(/^1 .*checkout 5\d.* % .*not met .* 0.5 /m);
    expect(table).toMatch(/^3 .* met .* 1.5 /m);
    expect(table).toMatch(/^ {2}- checkout.instances 1 → 3: p99 latency falls by /m);
  });

  test("varies the load, as JSON", async () => {
    const json = JSON.parse(
      await run(simSweepCommand, "shop.json", ...four, "--vary", "load=0.5,1", "--format", "json"),
    );
    const rates = json.points.map((point: { study: { throughputPerSecond: { value: number } } }) =>
      Math.round(point.study.throughputPerSecond.value / 30),
    );
    expect([json.target, rates]).toEqual(["load", [1, 2]]);
  });

  test.each([
    [["--vary", "checkout.instances=0..3"], '--vary checkout.instances=0: component "checkout": instances must be'],
    [["--vary", "chekout.instances=1..3"], 'there is no component "chekout"\ndid you mean checkout?'],
    [["--vary", "checkout.instances=3"], "a sweep needs at least two values"],
    [["--vary", "load=-1,1"], '--vary load is "-1"; it takes a number above 0'],
    [["--vary", "load=1,2", "--vary", "checkout.instances=1..3"], "--vary is given 2 times"],
  ])("refuses %j", async (args, message) => {
    expect(await refusal(simSweepCommand, "shop.json", ...args)).toContain(message);
    expect(heard.text).toBe("");
  });
});

describe("weft sim capacity", () => {
  test("finds the load at which M/M/1 reaches the mean of the objective", async () => {
    // 1 ÷ (100 - λ) = 40 ms at λ = 75/s, which is a load of 1.25.
    const options = ["--duration", "30s", "--warmup", "3s", "--objective", "mean<40ms", "--precision", "0.3"];
    const json = JSON.parse(
      await run(simCapacityCommand, "shop.json", ...options, "--replications", "40", "--format", "json"),
    );
    expect(json.outcome).toBe("found");
    expect(json.load).toBeGreaterThan(0.9);
    expect(json.load).toBeLessThan(1.28);
    expect(json.missedFromLoad).toBeGreaterThan(1.22);
    expect(json.sentence).toMatch(/^mean<40ms: met up to load 1\.\d+ \([\d.]+\/s answered well\) with 95 % confidence/);
  });

  test("shows every load that was tried, and how likely a run misses the objective there", async () => {
    const options = [...short, "--objective", "p99<5s", "--load", "1", "--up-to", "1", "--replications", "10"];
    const table = await run(simCapacityCommand, "shop.json", ...options);
    expect(table).toMatch(/^shop.json: p99<5s: met at every load up to 1 /);
    expect(table).toMatch(/^LOAD +RUNS +THROUGHPUT +IN TIME +p99<5s /m);
    expect(table).toMatch(
      /^1 +10 +[\d.]+ \/s +[\d.]+ \/s +[\d.]+ ms +[\d.]+ ms to [\d.]+ ms +0 % \(0 to 27.8\) .* meets$/m,
    );
    expect(await run(simCapacityCommand, "shop.json", ...options, "--format", "html")).toMatch(/^<!doctype html>/);
  });

  test.each([
    [["--objective", "p99"], 'objective "p99": write a figure'],
    [["--objective", "p99<1s", "--replications", "3"], '--replications is "3"; it takes a whole number from 10'],
    [["--objective", "p99<1s", "--load", "5", "--up-to", "2"], "--load is 5, above --up-to 2"],
  ])("refuses %j", async (args, message) => {
    expect(await refusal(simCapacityCommand, "shop.json", ...args)).toContain(message);
    expect(heard.text).toBe("");
  });
});

describe("what takes absurdly long is refused before it begins", () => {
  test.each([
    [simRunCommand, []],
    [simCompareCommand, ["--set", "checkout.instances=2"]],
    [simSweepCommand, ["--vary", "checkout.instances=1..3"]],
  ])("%#", async (command, args) => {
    const refused = await refusal(command, "shop.json", ...args, "--duration", "7d", "--replications", "9999");
    expect(refused).toMatch(
      /^this would take about \d+ (hours|days) .*\nlower --duration to \d+m, or --replications to \d+/s,
    );
  });
});
