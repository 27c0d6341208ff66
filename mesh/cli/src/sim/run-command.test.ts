import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "citty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hear } from "../../tests/hear.ts";
import { simRunCommand } from "./run-command.ts";

const shop = {
  components: [
    { id: "people", kind: "client" },
    { id: "checkout", kind: "service", concurrency: 4, serviceTime: { kind: "exponential", meanMs: 20, cv: 1 } },
    { id: "orders.db", kind: "database" },
  ],
  links: [
    { from: "people", to: "checkout" },
    { id: "query", from: "checkout", to: "orders.db" },
  ],
  workloads: [{ id: "visits", component: "people", ratePerSecond: 50 }],
};
const short = ["--replications", "3", "--duration", "5s", "--warmup", "1s"];

let folder: string;
const heard = hear("stderr");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-sim-"));
  await writeFile(join(folder, "shop.json"), JSON.stringify(shop));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(file: string, ...args: string[]): Promise<string> {
  const output = join(folder, "output");
  await rm(output, { force: true });
  await runCommand(simRunCommand, { rawArgs: [join(folder, file), "--output", output, ...args] });
  return await readFile(output, "utf8");
}

async function study(...args: string[]) {
  return JSON.parse(await run("shop.json", "--format", "json", ...args));
}

/** The message of what it throws, and after a line break what to do next. */
async function refusal(file: string, ...args: string[]): Promise<string> {
  const error = await run(file, ...args).then(
    () => expect.unreachable("it ran"),
    (thrown) => thrown,
  );
  return `${error.message}\n${error.next ?? ""}`;
}

describe("weft sim run", () => {
  test("shows figures with intervals, components, and how far it is", async () => {
    const table = await run("shop.json", ...short);
    expect(heard.text.trim().split("\n").at(-1)).toMatch(/^3 of 3 replications, p99 ±\d+\.\d %$/);
    expect(table).toMatch(
      /^shop.json: 3 replications of 5 s, the first 1 s left out as warm-up \(given\), load 1, seed 1/,
    );
    expect(table).toMatch(/^throughput +[\d.]+ \/s +[\d.]+ \/s to [\d.]+ \/s$/m);
    expect(table).toMatch(/^checkout +service +1 +[\d.]+ % ±[\d.]+ %/m);
    expect(table).toMatch(/^No limit was hit; nearest to one\n {2}- checkout: /m);
  });

  test("gives the same JSON for the same seed, and another for another", async () => {
    const [first, again, other] = [await study(...short), await study(...short), await study(...short, "--seed", "9")];
    expect(again).toEqual(first);
    expect(first).toMatchObject({ replications: 3, seed: 1, durationMs: 5000, warmupMs: 1000, warmupFrom: "given" });
    expect(other.seed).toBe(9);
    expect(other.latency.p99Ms.value).not.toBe(first.latency.p99Ms.value);
  });

  test("calls one replication a single run, in the table and in the JSON", async () => {
    const single = ["--replications", "1", "--duration", "5s", "--warmup", "0"];
    const table = await run("shop.json", ...single);
    expect(table).toMatch(/^shop.json: single run of 5 s, no warm-up left out \(given\)/);
    expect(table).toMatch(/^latency p99 +[\d.]+ ms +single run$/m);
    expect((await study(...single)).warnings).toContain("single run: no intervals");
  });

  test("applies settings and the load", async () => {
    const loaded = await study(...short, "--load", "1.5", "--set", "workload:visits.ratePerSecond=100");
    expect(loaded.throughputPerSecond.value).toBeCloseTo(150, -1.3);
    const changed = await study(
      ...short,
      ...[
        "--set",
        "checkout.instances=4",
        "--set",
        "orders.db.serviceTime.meanMs=1",
        "--set",
        "link:query.timeoutMs=9",
      ],
    );
    expect(changed.components[1].instances).toBe(4);
    expect(changed.components[2].latency.meanMs.value).toBeLessThan(1.5);
  });

  test("finds the warm-up by itself", async () => {
    const found = await study("--replications", "2", "--duration", "10s");
    expect(found.warmupFrom).toBe("detected");
    expect(found.warmupMs).toBeLessThanOrEqual(5000);
  });

  test("stops when the precision is reached, and says when it is not", async () => {
    const reached = await study("--duration", "5s", "--warmup", "1s", "--precision", "0.3");
    expect(reached.replications).toBe(10);
    expect(reached.warnings.join()).not.toContain("wider");
    const missed = await study(...short, "--precision", "0.001");
    expect(missed.replications).toBe(3);
    expect(missed.warnings).toContainEqual(
      expect.stringMatching(/^after 3 replications the p99 is known to ±[\d.]+ %, not to the ±0.1 % asked for$/),
    );
  });

  test("says how likely a run misses an objective, and what the system costs", async () => {
    const asked = ["--objective", "p99<1ms", "--objective", "errors<50%", "--price", "checkout=0.5"];
    const table = await run("shop.json", ...short, ...asked, "--set", "checkout.instances=3");
    // Wilson's interval of 3 of 3 and 0 of 3.
    expect(table).toMatch(/^p99<1ms +not shown +100 % \(43\.9 to 100\)$/m);
    expect(table).toMatch(/^errors<50% +yes +0 % \(0 to 56\.1\)$/m);
    expect(table).toMatch(/^checkout +3 +1\.5$/m);
    expect(table).toMatch(/^total per hour +1\.5$/m);
    expect(table).toMatch(/^per million requests +[\d.]+$/m);
    expect(table).toMatch(/^without a price: orders\.db$/m);
  });

  test("has them in JSON and on the page as well, and neither when nothing was asked", async () => {
    const asked = ["--objective", "p99<1ms", "--price", "checkout=0.5"];
    const { missed, cost } = await study(...short, ...asked);
    expect(missed).toEqual([
      { objective: "p99<1ms", isMet: false, probability: { value: 1, low: expect.closeTo(0.4385, 4), high: 1 } },
    ]);
    expect(cost).toMatchObject({ perHour: 0.5, unpriced: ["orders.db"] });
    const page = await run("shop.json", ...short, ...asked, "--format", "html");
    expect(page).toMatch(/What is asked of it.*p99&lt;1ms.*What it costs.*total per hour/s);
    const plain = await study(...short);
    expect(plain).not.toHaveProperty("missed");
    expect(plain).not.toHaveProperty("cost");
  });

  test("writes a page that stands alone", async () => {
    const page = await run("shop.json", ...short, "--format", "html");
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page).toContain("checkout");
  });
});

describe("weft sim run refuses", () => {
  test.each([
    [["--set", "checkot.instances=4"], 'there is no component "checkot"', "did you mean checkout?"],
    [["--set", "checkout.instnces=4"], 'a component has no field "instnces"', "did you mean instances"],
    [["--set", "checkout.serviceTime.meanMS=4"], 'no field "serviceTime.meanMS"', "did you mean serviceTime.meanMs"],
    [["--set", "people.ratePerSecond=4"], 'no field "ratePerSecond"', "did you mean workload:visits.ratePerSecond?"],
    [["--set", "link:qery.timeoutMs=4"], 'there is no link "qery"', "did you mean query?"],
    [["--set", "checkout.instances=0"], 'component "checkout": instances must be a whole number from 1 to 1000', ""],
    [["--set", "checkout.kind=cloud"], 'component "checkout": kind must be one of client', ""],
    [["--set", "checkout=4"], 'names no field of component "checkout"', "examples:"],
    [["--set", "checkout.instances"], "is no setting", "examples:"],
    [["--load", "much"], '--load is "much"; it takes a number above 0', ""],
    [["--replications", "0"], '--replications is "0"', ""],
    [["--warmup", "2m"], "warmupMs is 120000; allowed is 0 to less than durationMs (60000)", ""],
    [["--objective", "p98<1s"], 'there is no figure "p98"', ""],
    [["--price", "checkot=1"], 'price of "checkot": there is no such component', ""],
    [["--format", "pdf"], '--format is "pdf"; it takes table, json, html', ""],
    [["--output", "no/such/folder/x.json"], "--output no/such/folder/x.json cannot be written", ""],
  ])("%j", async (args, message, next) => {
    const refused = await refusal("shop.json", ...args);
    expect(refused).toContain(message);
    expect(refused).toContain(next);
    expect(heard.text).toBe("");
  });

  test("files that are missing, of no known kind, or wrong", async () => {
    const refusalOf = async (file: string, content: string) => {
      await writeFile(join(folder, file), content);
      return await refusal(file);
    };
    expect(await refusal("gone.yaml")).toMatch(/gone.yaml cannot be read: ENOENT/);
    expect(await refusalOf("other.yaml", "hello: world")).toMatch(/other.yaml cannot be read as an architecture/);
    expect(await refusalOf("cut.yaml", "components: [{ id: a")).toMatch(/cut.yaml cannot be read .*line \d/);
    const negative = "components:\n  - id: web\n    kind: service\n    instances: -1\n";
    expect(await refusalOf("bad.yaml", negative)).toMatch(
      /bad.yaml has an error:\n {2}- line 4: components\[0\]\.instances/,
    );
  });

  test("a misspelt field, a cycle of calls and a folder, which are not guessed at", async () => {
    const parts = (service: string, links: string) =>
      `components:\n  - { id: web, kind: service${service} }\n  - { id: db, kind: database }\nlinks:\n  - { from: web, to: db }\n${links}`;
    await writeFile(join(folder, "misspelt.yaml"), parts(", concurency: 4", ""));
    expect(await refusal("misspelt.yaml")).toMatch(
      /has an error:\n {2}- line 2: components\[0\]\.concurency is not a field that Weft knows\n/,
    );
    await writeFile(join(folder, "cycle.yaml"), parts("", "  - { from: db, to: web }\n"));
    expect(await refusal("cycle.yaml")).toMatch(
      /line 6: the link db -> web \(links\[1\]\) forms a cycle of calls with web -> db, and has no bound\n/,
    );
    await mkdir(join(folder, "folder"));
    expect(await refusal("folder")).toContain("cannot be read: it is a folder; name a file in it");
  });

  test("a model that cannot run, with every component, field and reason", async () => {
    const components = [
      { id: "people", kind: "client" },
      { id: "lb", kind: "load_balancer" },
    ];
    await writeFile(join(folder, "idle.json"), JSON.stringify({ components }));
    const refused = await refusal("idle.json");
    expect(refused).toContain("the model cannot be simulated:\n");
    expect(refused).toContain('  - client "people" has no outgoing link');
    expect(refused).toContain('  - load balancer "lb" has no outgoing link');
    expect(refused).toContain("  - no workload");
  });
});
