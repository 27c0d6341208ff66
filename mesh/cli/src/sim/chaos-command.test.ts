import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "citty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hear } from "../../tests/hear.ts";
import { simChaosCommand } from "./chaos-command.ts";

const shop = {
  components: [
    { id: "people", kind: "client" },
    { id: "checkout", kind: "service", concurrency: 1, serviceTime: { kind: "exponential", meanMs: 10, cv: 1 } },
  ],
  links: [
    {
      id: "call",
      from: "people",
      to: "checkout",
      latency: { kind: "constant", meanMs: 0, cv: 0 },
      timeoutMs: 200,
      retries: 3,
      retryBackoffMs: 0,
    },
  ],
  workloads: [{ id: "visits", component: "people", ratePerSecond: 10 }],
};
const day = `
version: 1
name: Outage
model: shop.json
duration: 60s
warmup: 1s
replications: 4
hypotheses: ["errors<1%"]
faults:
  - { kind: retry_storm, on: "link:call", at: 10s, for: 10s }
`;
const example = fileURLToPath(new URL("../../../../examples/coffee-shop.game-day.yaml", import.meta.url));

let folder: string;
const heard = hear("stderr");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-chaos-"));
  await writeFile(join(folder, "shop.json"), JSON.stringify(shop));
  await writeFile(join(folder, "day.yaml"), day);
  await writeFile(join(folder, "bad.yaml"), day.replace("10s }", "10s, retires: 3 }"));
  await writeFile(join(folder, "broken.yaml"), "faults: [");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: string[]): Promise<string> {
  const output = join(folder, "output");
  await rm(output, { force: true });
  const rawArgs = args.map((text) => (/^[\w-]+\.(json|yaml)$/.test(text) ? join(folder, text) : text));
  await runCommand(simChaosCommand, { rawArgs: [...rawArgs, "--output", output] });
  return await readFile(output, "utf8");
}

async function refusal(...args: string[]): Promise<string> {
  const error = await run(...args).then(
    () => expect.unreachable("it ran"),
    (thrown) => thrown,
  );
  return `${error.message}\n${error.next ?? ""}`;
}

describe("weft sim chaos", () => {
  test("runs a game day and says what became of the system", async () => {
    const table = await run("day.yaml");
    expect(table).toMatch(
      /^Outage, shop.json: Of 4 runs the system recovered in 4; recovery takes [\d.]+ s in the median/,
    );
    expect(table).toMatch(/^recovered +4 +100 % \(51 to 100\) +after [\d.]+ s in the median/m);
    expect(table).toMatch(/^errors<1% +does not hold .* 100 % \(51 to 100\) +0 % \(0 to 49\)$/m);
    expect(heard.text).toContain("4 of 4 replications");
  });

  test("gives the same answer for the same game day, and compares two results", async () => {
    const before = await run("day.yaml", "--format", "json");
    expect(await run("day.yaml", "--format", "json")).toBe(before);
    const after = await run("day.yaml", "--set", "checkout.instances=4", "--format", "json");
    await writeFile(join(folder, "before.json"), before);
    await writeFile(join(folder, "after.json"), after);
    expect(await run("diff", "before.json", "before.json")).toMatch(/^Outage → Outage: the same game day/);
    const difference = await run("diff", "before.json", "after.json");
    expect(difference).toMatch(/^set.0 +- +"checkout.instances=4"$/m);
    expect(difference).toMatch(/^P\(recovered\) +100 % \(51 to 100\) +100 % \(51 to 100\) +the same$/m);
    expect(JSON.parse(await run("diff", "before.json", "after.json", "--format", "json")).settings).toHaveLength(1);
  });

  test("runs a single fault with its parameters", async () => {
    const fault = ["--fault", "retry_storm", "--on", "link:call", "--at", "10s", "--for", "10s", "--with", "retries=0"];
    const json = JSON.parse(
      await run("shop.json", ...fault, "--replications", "2", "--duration", "60s", "--format", "json"),
    );
    expect(json.gameDay.faults).toEqual([
      { kind: "retry_storm", on: ["link:call"], startMs: 10_000, durationMs: 10_000, retries: 0 },
    ]);
    // Without retries: (10 × 10 - 20) ÷ 90 s.
    expect(json.timeToRecoverMs.value).toBeLessThan(3000);
    const page = await run("shop.json", ...fault, "--replications", "2", "--duration", "60s", "--format", "html");
    expect(page).toMatch(/^<!doctype html>.*class="fault"/s);
  });

  test("finds the load from which on the system stays down", async () => {
    const table = await run("day.yaml", "--boundary", "--precision", "0.9", "--load", "2");
    expect(table).toMatch(
      /^Outage, shop.json: from load [\d.]+ on \([\d.]+ to [\d.]+\) the system stays down in 50 % of the runs/,
    );
  });

  test("the example of the documentation runs as it is", async () => {
    const json = JSON.parse(await run(example, "--replications", "1", "--format", "json"));
    expect(json.spans.map(({ name }: { name: string }) => name)).toEqual([
      "slow card payments",
      "loyalty database restarts",
    ]);
    expect(json.runs.map(({ verdict }: { verdict: string }) => verdict)).toEqual(["recovered"]);
    expect(json.hypotheses.map(({ missed }: { missed: { value: number } }) => missed.value)).toEqual([0, 1]);
  });

  test.each([
    [["gone.yaml"], "cannot be read: ENOENT"],
    [["broken.yaml"], "cannot be read as YAML"],
    [["shop.json"], "is an architecture and no game day\nadd a fault"],
    [["bad.yaml"], 'fault "retry_storm": retires is no field of it; allowed are retries,'],
    [["day.yaml", "--duration", "30s"], "duration is 30 s; allowed is from 50 s"],
    [["day.yaml", "--replications", "x"], "replications is NaN; allowed are whole numbers"],
    [["day.yaml", "--hypothesis", "p98<1s"], 'there is no figure "p98"'],
    [["day.yaml", "--set", "chekout.instances=2"], 'there is no component "chekout"'],
    [["shop.json", "--fault", "crash"], "--on is missing"],
    [["shop.json", "--fault", "crsh", "--on", "checkout"], 'kind is "crsh"; allowed are latency,'],
    [["shop.json", "--fault", "crash", "--on", "checkout", "--with", "cold"], '--with "cold" is no parameter'],
    [["day.yaml", "--boundary", "--level", "2"], '--level is "2"; it takes a number above 0 and below 1'],
    [["diff", "shop.json", "shop.json"], "is no result of a game day: gameDay is missing"],
    [["diff", "shop.json"], "diff takes two results"],
  ])("refuses %j", async (args, message) => {
    expect(await refusal(...args)).toContain(message);
  });
});
