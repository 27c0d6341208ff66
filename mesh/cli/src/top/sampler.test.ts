import type { Instance } from "@weft/mesh/registry";
import { expect, test } from "vitest";
import { Sampler } from "./sampler.ts";

const record = (instanceId: string, ports: Record<string, number> = { metrics: 1 }): Instance => ({
  ...{ name: "auth-service", instanceId, version: "1", address: "h", ports, status: "ready", health: "healthy" },
  ...{ services: [], zone: "", startedAtMs: 0, timestamp: 0 },
});

function create() {
  let nowMs = 0;
  const answers = new Map<number, string | Error>();
  const fetch = (_: string, port: number): Promise<string> => {
    const answer = answers.get(port) ?? new Error("nobody is there");
    return typeof answer === "string" ? Promise.resolve(answer) : Promise.reject(answer);
  };
  const sampler = new Sampler(fetch, { now: () => nowMs, monotonicMs: () => nowMs });
  const calls = (port: number, count: number) => answers.set(port, `weft_server_calls_total{code="ok"} ${count}\n`);
  const sample = (atMs: number, ...records: Instance[]) => {
    nowMs = atMs;
    return sampler.sample(records);
  };
  return { answers, calls, sample };
}

test("an instance is compared with its own scrape before", async () => {
  const { calls, sample } = create();
  const [a, b] = [record("a", { metrics: 1 }), record("b", { metrics: 2 })];
  calls(1, 100);
  calls(2, 1000);
  await sample(0, a, b);
  calls(1, 150);
  calls(2, 1300);
  expect((await sample(2000, b, a)).map(({ load }) => load?.callsPerSecond)).toEqual([150, 25]);
});

test("one that does not answer has a reason and no numbers, and is compared over the gap when it is back", async () => {
  const { answers, calls, sample } = create();
  calls(1, 100);
  await sample(0, record("a"));
  answers.set(1, Object.assign(new Error("connect"), { code: "ECONNREFUSED" }));
  expect(await sample(1000, record("a"))).toMatchObject([{ load: null, unreachable: "ECONNREFUSED" }]);
  calls(1, 160);
  expect(await sample(2000, record("a"))).toMatchObject([{ load: { callsPerSecond: 30 }, unreachable: null }]);
});

test("one without a metrics port says so", async () => {
  expect(await create().sample(0, record("a", { grpc: 1 }))).toMatchObject([
    { address: null, load: null, unreachable: "it names no metrics port" },
  ]);
});

test("one that has left and come back begins anew", async () => {
  const { calls, sample } = create();
  calls(1, 100);
  await sample(0, record("a"));
  await sample(1000);
  expect(await sample(2000, record("a"))).toMatchObject([{ load: { callsPerSecond: null } }]);
});
