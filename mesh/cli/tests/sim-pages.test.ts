import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type CommandDef, runCommand } from "citty";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { simCapacityCommand } from "../src/sim/capacity-command.ts";
import { simChaosCommand } from "../src/sim/chaos-command.ts";
import { simCompareCommand } from "../src/sim/compare-command.ts";
import { simExplainCommand } from "../src/sim/explain-command.ts";
import { simRunCommand } from "../src/sim/run-command.ts";
import { simSweepCommand } from "../src/sim/sweep-command.ts";

/*
 * The pages of `weft sim … --format html` as a reader meets them: made by the commands, opened in Chromium from a file. What only
 * a browser knows is asked here: whether scripts run, whether something is wider than a phone, whether a label is cut off.
 */
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const whySkipped = "there is no Chromium in /usr/bin";

const flags = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];
const phone = { width: 390, height: 844 };

const shop = {
  components: [
    { id: "people", kind: "client" },
    { id: "edge", kind: "load_balancer" },
    {
      id: "recommendationservice",
      kind: "service",
      concurrency: 2,
      serviceTime: { kind: "gamma", meanMs: 20, cv: 0.7 },
    },
    { id: "shoppingassistantservice", kind: "external", serviceTime: { meanMs: 5 }, errorRatio: 0.01 },
    { id: "orders-db", kind: "database", concurrency: 4, serviceTime: { kind: "lognormal", meanMs: 8, cv: 1.2 } },
  ],
  links: [
    { id: "visit", from: "people", to: "edge" },
    { id: "ask", from: "edge", to: "recommendationservice" },
    { id: "help", from: "edge", to: "shoppingassistantservice" },
    { id: "query", from: "recommendationservice", to: "orders-db", timeoutMs: 500, callsPerRequest: 2 },
  ],
  workloads: [{ id: "visits", component: "people", ratePerSecond: 60 }],
};

/** Callers who try again at once, whatever becomes of the work: from some load on a storm does not end. */
const stormy = {
  components: [
    { id: "people", kind: "client" },
    { id: "checkout", kind: "service", concurrency: 1, serviceTime: { kind: "exponential", meanMs: 10 } },
  ],
  links: [{ id: "call", from: "people", to: "checkout", timeoutMs: 200, retries: 3, retryBackoffMs: 0 }],
  workloads: [{ id: "visits", component: "people", ratePerSecond: 20 }],
};

const short = ["--duration", "3s", "--warmup", "500ms"];
const few = [...short, "--replications", "3"];
const crash = ["--fault", "crash", "--on", "component:orders-db", "--at", "2s", "--for", "1s"];
const storm = ["--fault", "retry_storm", "--on", "link:call", "--at", "5s", "--for", "10s"];
// biome-ignore lint/suspicious/noExplicitAny: commands differ in their arguments; citty's own type for any of them.
const kinds: Readonly<Record<string, readonly [CommandDef<any>, ...string[]]>> = {
  run: [simRunCommand, ...few],
  "single run": [simRunCommand, ...short, "--replications", "1"],
  compare: [simCompareCommand, ...few, "--set", "recommendationservice.instances=2", "--price", "orders-db=2"],
  sweep: [simSweepCommand, ...few, "--vary", "recommendationservice.instances=1..3", "--objective", "p99<200ms"],
  capacity: [simCapacityCommand, ...short, "--objective", "p99<900ms", "--precision", "0.5", "--replications", "10"],
  explain: [simExplainCommand, ...few],
  chaos: [simChaosCommand, ...crash, "--duration", "33s", "--replications", "2", "--hypothesis", "p99<1s"],
  boundary: [simChaosCommand, ...storm, "--duration", "45s", "--warmup", "1s", "--boundary", "--precision", "0.9"],
};

let folder: string;
let browser: Browser | undefined;
const fileOf = (kind: string) => join(folder, `${kind}.html`);

beforeAll(async () => {
  if (executablePath === undefined) return;
  folder = await mkdtemp(join(tmpdir(), "weft-pages-"));
  const models = { shop: join(folder, "shop.json"), stormy: join(folder, "stormy.json") };
  await writeFile(models.shop, JSON.stringify(shop));
  await writeFile(models.stormy, JSON.stringify(stormy));
  const silenced = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  for (const [kind, [command, ...args]] of Object.entries(kinds)) {
    const model = kind === "boundary" ? models.stormy : models.shop;
    await runCommand(command, { rawArgs: [model, ...args, "--format", "html", "--output", fileOf(kind)] });
  }
  silenced.mockRestore();
  browser = await chromium.launch({ executablePath, args: flags });
});
afterAll(async () => {
  await browser?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});
beforeEach(({ skip }) => skip(browser === undefined, whySkipped));

/** The page at a phone's width, and everything it complained of or asked the network for. */
async function open(kind: string, colorScheme: "light" | "dark"): Promise<{ page: Page; complaints: string[] }> {
  const page = await (browser as Browser).newPage({ viewport: phone, colorScheme });
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith("file:")) complaints.push(`asks for ${request.url()}`);
  });
  await page.goto(pathToFileURL(fileOf(kind)).href);
  return { page, complaints };
}

/** Run in the page: what is wider than it, pictures without a mark, and labels that reach beyond their picture. */
const faultsInPage = `(() => {
  const faults = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push("the page is " + scrollWidth + " px wide");
  const pictures = [...document.querySelectorAll("svg")];
  if (pictures.length === 0) faults.push("no picture");
  for (const svg of pictures) {
    const frame = svg.getBoundingClientRect();
    const marks = [...svg.querySelectorAll("path.line, circle, rect:not(.warmup), path.whisker")];
    const isSeen = (mark) => mark.getBoundingClientRect().width + mark.getBoundingClientRect().height > 1;
    if (!marks.some(isSeen)) faults.push(svg.id + " is empty");
    for (const label of svg.querySelectorAll("text")) {
      const box = label.getBoundingClientRect();
      const isOut = box.left < frame.left - 2 || box.right > frame.right + 2 || box.bottom > frame.bottom + 2;
      if (box.width > 0 && isOut) faults.push(svg.id + " cuts off " + label.textContent);
    }
  }
  return faults;
})()`;

describe("the page of weft sim in a browser", () => {
  test.each(Object.keys(kinds))("%s: opens without a complaint, fits a phone, and has pictures", async (kind) => {
    for (const scheme of ["light", "dark"] as const) {
      const { page, complaints } = await open(kind, scheme);
      expect(await page.evaluate(faultsInPage)).toEqual([]);
      expect(complaints).toEqual([]);
      await page.close();
    }
  });

  test("reads a chart out with the arrow keys", async () => {
    const { page } = await open("run", "light");
    const said = page.locator("#latencies-say");
    await page.focus("#latencies");
    await page.keyboard.press("ArrowRight");
    expect(await said.textContent()).toMatch(/^at [\d.]+ m?s: p50 [\d.]+ m?s, p99 [\d.]+ m?s$/);
    await page.close();
  });
});
