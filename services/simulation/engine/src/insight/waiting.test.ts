import { describe, expect, test } from "vitest";
import type { Architecture } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { component, constantRate, exponential, link, simulate } from "../scenario.ts";
import { mostConnectionWait, waitShares } from "./waiting.ts";

/** 90 jobs a second through a queue that a worker can just follow; the clients wait for the queue alone. */
const behindQueue: Architecture = {
  components: [
    component("client", "client"),
    component("jobs", "queue"),
    component("worker", "service", { serviceTime: exponential(10), queueCapacity: 10_000 }),
    component("db", "database", { serviceTime: exponential(9.9), concurrency: 1 }),
  ],
  links: [
    link("client", "jobs"),
    link("jobs", "worker", { timeoutMs: 0 }),
    link("worker", "db", { timeoutMs: 0, maxConnections: 1 }),
  ],
  workloads: [constantRate("client", 90)],
};

describe("waiting that no client feels", () => {
  test("is no share of the time that requests take", () => {
    const model = compileModel(behindQueue, { load: 1 });
    const runs = [simulate(behindQueue, { seed: 1, durationMs: 20_000 }).results()];
    const worker = runs[0]?.components.find(({ id }) => id === "worker");
    expect(worker?.queueLengthMean).toBeGreaterThan(1);
    expect(waitShares(model, runs).map((share) => share.component)).not.toContain("worker");
    expect(waitShares(model, runs).map((share) => share.component)).not.toContain("db");
    expect(mostConnectionWait(model, runs)?.calls).toBe(0);
  });
});
