import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "citty";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hear } from "../../tests/hear.ts";
import { simCalibrateCommand } from "./calibrate-command.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";

const tag = (value: string) => ({ tags: [{ key: "span.kind", type: "string", value }] });
const processes = { p1: { serviceName: "Web Shop" }, p2: { serviceName: "orders" } };

/** A request every 20 ms or so: 4 ms in the shop, 1 ms of network, 8 to 12 ms in orders. */
function trace(index: number) {
  const traceID = `t${index}`;
  const at = 1_700_000_000_000_000 + index * 20_000 + ((index * 7919) % 13_000);
  const duration = 8000 + ((index * 7919) % 4001);
  const span = { traceID, operationName: "op" };
  const child = (spanID: string) => ({ references: [{ refType: "CHILD_OF", traceID, spanID }] });
  const spans = [
    { ...span, ...tag("server"), spanID: "a", processID: "p1", startTime: at, duration: duration + 5000 },
    {
      ...span,
      ...tag("client"),
      ...child("a"),
      spanID: "b",
      processID: "p1",
      startTime: at + 4000,
      duration: duration + 1000,
    },
    { ...span, ...tag("server"), ...child("b"), spanID: "c", processID: "p2", startTime: at + 4500, duration },
  ];
  return { traceID, spans, processes };
}

/** A request takes 13 to 17 ms in the shop, so half of them are over within 15; restarted once. */
function bucketsOf(service: string) {
  const series = (le: string, perStep: number) => ({
    metric: { __name__: "http_request_duration_seconds_bucket", service, le },
    values: [0, 1, 2, 0, 1, 2].map((steps, index) => [1_700_000_000 + 15 * index, String(steps * perStep)]),
  });
  const result = [series("0.01", 0), series("0.015", 50), series("0.02", 100), series("+Inf", 100)];
  return { status: "success", data: { resultType: "matrix", result } };
}

let folder: string;
const heard = hear("stdout");
const path = (file: string) => join(folder, file);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-calibrate-"));
  const traces = Array.from({ length: 3000 }, (_, index) => trace(index));
  await writeFile(path("one.json"), JSON.stringify({ data: traces.slice(0, 1500) }));
  await writeFile(
    path("two.json"),
    traces
      .slice(1500)
      .map((one) => JSON.stringify(one))
      .join("\n"),
  );
  await writeFile(path("bad.json"), "{");
  await writeFile(path("other.json"), JSON.stringify({ hello: "world" }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (...args: string[]) =>
  runCommand(simCalibrateCommand, { rawArgs: [...args, "--output", path("model.json")] });

describe("weft sim calibrate", () => {
  test("writes an architecture that weft sim run takes, and says what it knows and what not", async () => {
    await run("--traces", path("one.json"), path("two.json"));
    const { architecture, notes } = await readModelFile(path("model.json"));
    expect(notes).toEqual([]);
    assertRunnable(architecture, 1, { seed: 1, durationMs: 1000 });
    expect(architecture.components.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
      "web-shop service",
      "orders service",
      "web-shop-clients client",
    ]);
    expect(architecture.components[0]?.serviceTime.meanMs).toBeCloseTo(4, 3);
    expect(heard.text).toMatch(/^9,000 spans of 3,000 traces over 60 s/);
    expect(heard.text).toMatch(/^web-shop.serviceTime +constant 4 ms +3000 of 3000 visits; no waiting seen$/m);
    expect(heard.text).toMatch(/^ {2}- orders.concurrency: no queue shows how many slots there are: at least 1 /m);
  });

  test("compares the model with the time that was held out", async () => {
    await run("--traces", path("one.json"), `--traces=${path("two.json")}`, "--hold-out", "0.3");
    const [, measured, predicted] = /^p50Ms +([\d.]+) +([\d.]+)/m.exec(heard.text) ?? [];
    expect(Number(predicted) / Number(measured)).toBeCloseTo(1, 1);
    expect(heard.text).toMatch(/^6,300 spans/);
  });

  test("compares the buckets of a histogram where users enter, and says so when it has none of that", async () => {
    await writeFile(path("buckets.json"), JSON.stringify(bucketsOf("Web Shop")));
    await run("--traces", path("one.json"), path("two.json"), "--prometheus", `buckets=${path("buckets.json")}`);
    const [, measured, predicted] = /^15 ms +([\d.]+) % +([\d.]+) % +[+-]/m.exec(heard.text) ?? [];
    expect(Number(measured)).toBe(50);
    expect(Math.abs(Number(predicted) - Number(measured))).toBeLessThan(10);
    expect(heard.text).toMatch(/^largest difference \d+\.\d points, over 400 measured requests of web-shop$/m);
    await writeFile(path("buckets.json"), JSON.stringify(bucketsOf("orders")));
    await run("--traces", path("one.json"), path("two.json"), "--prometheus", path("buckets.json"));
    expect(heard.text).toContain(
      "Buckets are not compared: the buckets are of orders; those of web-shop, where users enter",
    );
  });

  test("divides rates by the sampling ratio", async () => {
    await run("--traces", path("one.json"), "--sampling", "0.1");
    const { architecture } = await readModelFile(path("model.json"));
    expect(architecture.workloads[0]?.ratePerSecond).toBeCloseTo(500, -1);
  });

  test("refuses files and options it cannot use, naming them", async () => {
    await expect(run("--traces", path("bad.json"))).rejects.toThrow(/bad.json is no JSON: /);
    await expect(run("--traces", path("gone.json"))).rejects.toThrow(/gone.json cannot be read: ENOENT/);
    await expect(run("--traces", path("other.json"))).rejects.toThrow(/other.json is an object, and no trace/);
    await expect(run("--traces", path("one.json"), "--sampling", "2")).rejects.toThrow('--sampling is "2"; it takes');
    await expect(run("--traces", path("one.json"), "--prometheus", path("other.json"))).rejects.toThrow(
      /other.json is an object; it takes the answer of query_range/,
    );
  });
});
