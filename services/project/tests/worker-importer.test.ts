import { readFile } from "node:fs/promises";
import { systemClock } from "@weft/mesh";
import { afterEach, describe, expect, it } from "vitest";
import { WorkerImporter, type WorkerImporterOptions } from "../src/adapters/worker-importer.ts";
import { importArchitecture } from "../src/domain/formats.ts";

const made: WorkerImporter[] = [];
const importer = (options: Partial<WorkerImporterOptions> = {}) => {
  const one = new WorkerImporter({ clock: systemClock, ...options });
  made.push(one);
  return one;
};
afterEach(() => Promise.all(made.splice(0).map((one) => one.close())));

const compose = "services: {web: {image: nginx, depends_on: [db]}, db: {image: postgres}}";
/** A thread that answers "read" to everything but to "hang", "crash" and "eat". */
const scripted = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from "node:worker_threads";
    parentPort.on("message", ({ content }) => {
      if (content === "hang") for (;;);
      if (content === "crash") throw new Error("fell over");
      if (content === "eat") { const all = []; for (;;) all.push(new Array(1e5).fill(all.length)); }
      parentPort.postMessage({ type: "read", result: { architecture: content, findings: [] } });
    });
    parentPort.postMessage({ type: "ready" });`)}`,
);
const read = (from: WorkerImporter, content: string) =>
  from.read("WEFT", content).then(({ architecture }) => architecture);

describe("WorkerImporter", () => {
  it("reads what the importers read, one file after another", async () => {
    const one = importer();
    expect(await one.read("COMPOSE", compose)).toEqual(importArchitecture("COMPOSE", compose));
    const readme = await readFile(new URL("../package.json", import.meta.url), "utf8");
    await expect(one.read("KUBERNETES", readme)).rejects.toMatchObject({ kind: "content_unreadable" });
    expect((await Promise.all([one.read("COMPOSE", compose), one.read("COMPOSE", compose)])).length).toBe(2);
  });

  it("passes a refusal on with its fields and facts", async () => {
    await expect(importer().read("COMPOSE", "a: 1\nb: [")).rejects.toMatchObject({
      name: "ProjectError",
      kind: "content_unreadable",
      fields: [{ field: "content" }],
      facts: { line: expect.any(String) },
    });
  });

  it("refuses a file that takes too long, and reads the next one in a new thread", async () => {
    const one = importer({ workerUrl: scripted, threads: 1, timeLimitMs: 100 });
    const slow = read(one, "hang");
    const next = read(one, "next");
    await expect(slow).rejects.toMatchObject({ kind: "content_unreadable", fields: [{ field: "content" }] });
    expect(await next).toBe("next");
  });

  it("refuses a file that takes too much memory", async () => {
    const one = importer({ workerUrl: scripted, timeLimitMs: 60_000, memoryMb: 32 });
    await expect(read(one, "eat")).rejects.toMatchObject({ kind: "content_unreadable" });
  });

  it("fails one file, not those after it, when a thread falls over", async () => {
    const one = importer({ workerUrl: scripted, threads: 1 });
    const [crashed, next] = [read(one, "crash"), read(one, "next")];
    await expect(crashed).rejects.toThrow("fell over");
    expect(await next).toBe("next");
  });

  it("turns callers away when too many wait, and those that wait when it closes", async () => {
    const one = importer({ workerUrl: scripted, threads: 1, mostWaiting: 1 });
    const outcomes = Promise.allSettled([read(one, "hang"), read(one, "waits"), read(one, "too many")]);
    await expect(read(one, "too many")).rejects.toMatchObject({ kind: "unavailable" });
    await one.close();
    expect(await outcomes).toMatchObject(Array(3).fill({ status: "rejected", reason: { kind: "unavailable" } }));
    await expect(read(one, "late")).rejects.toMatchObject({ kind: "unavailable" });
  });
});
