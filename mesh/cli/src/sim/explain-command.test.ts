import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "citty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hear } from "../../tests/hear.ts";
import { simExplainCommand } from "./explain-command.ts";

const shop = {
  components: [
    { id: "people", kind: "client" },
    { id: "api", kind: "service", concurrency: 20, serviceTime: { kind: "exponential", meanMs: 2, cv: 1 } },
    { id: "db", kind: "database", concurrency: 1, serviceTime: { kind: "exponential", meanMs: 10, cv: 1 } },
  ],
  links: [
    {
      id: "call",
      from: "people",
      to: "api",
      latency: { kind: "constant", meanMs: 1, cv: 0 },
      timeoutMs: 1000,
      retries: 1,
    },
    { id: "query", from: "api", to: "db", latency: { kind: "constant", meanMs: 0, cv: 0 } },
  ],
  workloads: [{ id: "visits", component: "people", ratePerSecond: 75 }],
};
const short = ["--duration", "7s", "--warmup", "1s", "--replications", "8"];

let folder: string;
const heard = hear("stderr");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-explain-"));
  const write = (name: string, content: unknown) => writeFile(join(folder, name), JSON.stringify(content));
  await write("shop.json", shop);
  await write("calm.json", { ...shop, workloads: [{ id: "visits", component: "people", ratePerSecond: 1 }] });
  await write("prices.json", { api: 40, db: { instance: 300, speed: 20 } });
  await write("unknown-change.json", { db: { paint: 3 } });
  await write("free.json", { db: { speed: 0 } });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: string[]): Promise<string> {
  const output = join(folder, "output");
  const rawArgs = args.map((text) => (/^[\w-]+\.json$/.test(text) ? join(folder, text) : text));
  await runCommand(simExplainCommand, { rawArgs: [...rawArgs, "--output", output] });
  return await readFile(output, "utf8");
}

const refusal = (...args: string[]) =>
  run(...args).then(
    () => expect.unreachable("it ran"),
    ({ message }) => message,
  );

describe("weft sim explain", () => {
  test("names what limits, why, what to buy, and where slow requests spend their time", async () => {
    const table = await run("shop.json", ...short, "--prices", "prices.json");
    expect(table).toMatch(/^shop\.json: 8 replications of 7 s, the first 1 s left out/);
    expect(table).toMatch(/^db limits: its capacity changes the answer most \(7\d/m);
    expect(table).toMatch(/^ {2}- 1 % more capacity of db changes the mean latency by -\d/m);
    expect(table).toMatch(/^db: faster work +better +\+\d.*\d to \+\d.* % +20 +\+[\d.]+ % +[\d.]+ ms to [\d.]+ ms/m);
    expect(table).toMatch(/^db +queue +[6-9]\d\.?\d* % +[\d.]+ % to [\d.]+ % +[\d.]+ ms/m);
    expect(table).toMatch(/^ {2}- db: callers give up after 1000 ms and a storm brings 2 times the visits/m);
    expect(table).not.toMatch(/NaN|undefined|Infinity/);
    expect(heard.text).toContain("of 56 replications");
  });

  test.each(["table", "html"])("has no list of what to buy for a system that nothing limits, as %s", async (format) => {
    const text = await run(
      "calm.json",
      "--duration",
      "6s",
      "--warmup",
      "1s",
      "--replications",
      "4",
      "--format",
      format,
    );
    expect(text).toMatch(
      /Nothing limits this system at [\d.]+\/s: the busiest is db at [\d.]+ %, 100\.0 % of the answers/,
    );
    expect(text.indexOf("What would come next")).toBeGreaterThan(text.indexOf("Nothing limits this system"));
    expect(text.indexOf("What would come next")).toBeLessThan(text.indexOf("vidence"));
    expect(text).not.toMatch(/What to buy|to buy:|NaN|undefined/);
  });

  test("gives the same as JSON, each time", async () => {
    const options = ["shop.json", "--duration", "2s", "--warmup", "1s", "--replications", "2", "--format", "json"];
    const text = await run(...options, "--objective", "p99");
    const { insight, tail, study, leftOut } = JSON.parse(text);
    expect(insight.elasticity.objective).toBe("p99Ms");
    expect(insight.elasticity.variants).toHaveLength(6);
    expect(study.replications).toBe(2);
    expect(leftOut).toEqual([]);
    const whole = tail.parts.reduce((sum: number, part: { share: { value: number } }) => sum + part.share.value, 0);
    expect(whole).toBeCloseTo(1, 9);
    expect(await run(...options, "--objective", "p99")).toBe(text);
  });

  test("makes a page that stands alone, with both charts", async () => {
    const page = await run(
      "shop.json",
      "--duration",
      "4s",
      "--warmup",
      "1s",
      "--replications",
      "3",
      "--format",
      "html",
    );
    expect(page).toMatch(/<svg id="tail"[^>]*aria-label="Where the time goes\. slowest 5 %, [\d.]+ ms/);
    expect(page).toMatch(/<svg id="elasticity"/);
    expect(page).not.toMatch(/NaN|undefined|Infinity|https?:/);
  });

  test.each([
    [["--objective", "beauty"], /--objective is "beauty"; it takes mean, p99, errors, throughput/],
    [["--replications", "1"], /differences need at least 2/],
    [["--prices", "unknown-change.json"], /"db": there is no change "paint"; changes: speed, instance, slot/],
    [["--prices", "free.json"], /"db": speed is 0; must be a number above 0/],
    [["--price", "nobody=3"], /price of "nobody": there is no such component/],
  ])("refuses %j before anything is run", async (options, message) => {
    expect(await refusal("shop.json", ...options)).toMatch(message);
  });
});
