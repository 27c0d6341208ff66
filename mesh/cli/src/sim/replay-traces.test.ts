import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModelFile } from "./read-model.ts";
import { replayTraces } from "./replay-traces.ts";

let folder: string;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-sim-"));
  const shop = (workloads: readonly string[]) => ({
    components: [
      { id: "people", kind: "client" },
      { id: "shop", kind: "service" },
    ],
    links: [{ id: "call", from: "people", to: "shop" }],
    workloads: workloads.map((id) => ({ id, component: "people", ratePerSecond: 5 })),
  });
  await writeFile(path("one.json"), JSON.stringify(shop(["visits"])));
  await writeFile(path("two.json"), JSON.stringify(shop(["read", "write"])));
  await writeFile(path("plain.csv"), "timestamp\n10\n10.5\n12\n");
  await writeFile(path("classes.csv"), "time_ms,class\n0,read\n100,write\n250,read\n");
  await writeFile(path("broken.csv"), "timestamp\n1\nnoon\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function replay(model: string, given: readonly string[], durationMs = 60_000) {
  const { architecture } = await readModelFile(path(model));
  const replayed = await replayTraces(architecture, given, durationMs);
  const of = replayed.architecture.workloads.map(({ id, kind, arrivalsMs }) => [id, kind, arrivalsMs ?? []]);
  return { workloads: of, notes: replayed.notes };
}

describe("--replay", () => {
  test("gives a trace without classes to the only workload, or to the one that is named", async () => {
    expect(await replay("one.json", [path("plain.csv")])).toEqual({
      workloads: [["visits", "replay", [0, 500, 2000]]],
      notes: [],
    });
    const { workloads } = await replay("two.json", [`write=${path("plain.csv")}`]);
    expect(workloads).toEqual([
      ["read", "poisson", []],
      ["write", "replay", [0, 500, 2000]],
    ]);
  });

  test("gives each class to the workload of its name", async () => {
    const { workloads } = await replay("two.json", [path("classes.csv")]);
    expect(workloads).toEqual([
      ["read", "replay", [0, 250]],
      ["write", "replay", [100]],
    ]);
  });

  test("says how much of a long trace is within the run", async () => {
    const { notes } = await replay("one.json", [path("plain.csv")], 1000);
    expect(notes).toEqual([expect.stringContaining("2 of its 3 arrivals are within --duration")]);
  });

  test.each([
    ["two.json", "plain.csv", /does not say which workload it is of; the model has read, write/],
    ["one.json", "classes.csv", /has the class "read", which is no workload; the model has visits/],
    ["one.json", "broken.csv", /is no trace: line 3, column "timestamp": "noon" is no time/],
    ["one.json", "absent.csv", /cannot be read: /],
  ])("refuses for %s what %s leaves open", async (model, file, message) => {
    await expect(replay(model, [path(file)])).rejects.toThrow(message);
  });
});
