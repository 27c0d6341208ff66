import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeWorkspace, weftBin } from "./fake-workspace.ts";

/*
 * `weft sim run` as a process, in a folder without services, Redis or PostgreSQL; its own tests have the details.
 */
const shared = process.env.WEFT_SHARED ?? fileURLToPath(new URL("../../../../shared", import.meta.url));
const published = join(shared, "data/architectures");
const missing = !existsSync(published);
const why = missing ? ` (skipped: there is no folder ${published}; set WEFT_SHARED)` : "";

const web = "services: { web: { image: shop/web, ports: ['80:80'] } }";
const short = ["--replications", "3", "--duration", "5s", "--warmup", "1s"];

let workspace: FakeWorkspace;

beforeAll(async () => {
  workspace = await FakeWorkspace.create([]);
});
afterAll(() => workspace?.dispose());

describe.concurrent("weft sim run", () => {
  test("reads standard input, and writes a file when asked to", async () => {
    const output = join(workspace.directory, "study.json");
    const args = ["sim", "run", "-", ...short, "--format", "json", "--output", output];
    const child = spawn(process.execPath, [weftBin, ...args], { stdio: ["pipe", "pipe", "ignore"] });
    child.stdin?.end(web);
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
    expect(JSON.parse(await readFile(output, "utf8")).components[0].id).toBe("web");
  });

  test("ends at once on Ctrl-C", async () => {
    await writeFile(join(workspace.directory, "web.yaml"), web);
    const running = workspace.start(["sim", "run", "web.yaml", "--replications", "500", "--duration", "10m"]);
    await running.said(/finding the warm-up/);
    await running.stop("SIGINT");
    expect([running.child.signalCode, running.stdout]).toEqual(["SIGINT", ""]);
  });

  test("helps those who guess", async () => {
    const answers = await Promise.all(
      [["sim"], ["sim", "rn"], ["sim", "run", "--help"], ["sim", "run", "x", "--replicatons", "5"]].map((args) =>
        workspace.run(args),
      ),
    );
    expect(answers.map(({ code }) => code)).toEqual([1, 1, 0, 1]);
    expect(answers[0]?.stderr).toMatch(/weft sim needs a command\nnext: {2}weft sim takes: run/);
    expect(answers[1]?.stderr).toMatch(/"rn" is no command of weft sim/);
    expect(answers[2]?.stdout).toContain("--replications");
    expect(answers[3]?.stderr).toMatch(/unknown option --replicatons\nnext: {2}did you mean --replications\?/);
  });
});

describe.skipIf(missing)(`weft sim run on published files${why}`, { concurrent: true }, () => {
  test.each([
    ["voting-app.compose.yml", ["vote", "result", "worker", "redis", "db"]],
    ["online-boutique.kubernetes.yaml", ["frontend", "checkoutservice", "redis-cart"]],
  ])("%s, as it is", async (file, ids) => {
    const args = ["--replications", "3", "--duration", "10s", "--format", "json"];
    const { code, stdout, stderr } = await workspace.run(["sim", "run", join(published, file), ...args]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("3 of 3 replications")]);
    const { components, throughputPerSecond, latency, bottlenecks } = JSON.parse(stdout);
    expect(components.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(ids));
    // The import left nothing idle that was meant to work.
    const idle = components.filter(
      (one: { throughputPerSecond: { value: number } }) => one.throughputPerSecond.value === 0,
    );
    expect(idle).toEqual([]);
    expect(throughputPerSecond.value).toBeGreaterThan(1);
    expect(latency.p99Ms.value).toBeGreaterThan(latency.p50Ms.value);
    expect(bottlenecks.length).toBeGreaterThan(0);
  });
});
