import { describe, expect, test } from "vitest";
import type { ContenderClient } from "../contenders/contender.ts";
import { type Answer, answerFor } from "../workload.ts";
import { holdCalls, runClosedLoop, runOpenLoop } from "./load.ts";

const clientThat = (answer: (token: string) => Promise<Answer>): ContenderClient => ({
  // A turn of the event loop between question and answer, as any socket has.
  validate: async (token) => {
    await new Promise((resolve) => setImmediate(resolve));
    return answer(token);
  },
});
const honest = clientThat(async (token) => answerFor(token));
const forgetful = clientThat(async () => answerFor("token-v1u-9999999999"));
const broken = clientThat(() => Promise.reject(new Error("no such call")));

const closed = { kind: "closed-loop", inFlight: 4, warmUpMs: 0, measureMs: 10, latency: true } as const;
const open = { kind: "open-loop", callsPerSecond: 5000, warmUpMs: 10, measureMs: 20 } as const;

describe("a closed loop", () => {
  test("counts answers, and their latency when asked", async () => {
    const result = await runClosedLoop(honest, closed);
    expect(result).toMatchObject({ wrong: 0, firstError: undefined });
    expect(result.calls).toBeGreaterThan(0);
    expect(result.p99Ms).toBeGreaterThan(0);
    expect(await runClosedLoop(honest, { ...closed, latency: false })).toMatchObject({ wrong: 0, p99Ms: 0 });
  });

  test("counts an answer to another question as wrong", async () => {
    const result = await runClosedLoop(forgetful, closed);
    expect(result.wrong).toBeGreaterThan(0);
    expect(result.firstError).toContain("u-9999999999");
  });

  test("counts failed calls as wrong and goes on", async () => {
    expect(await runClosedLoop(broken, closed)).toMatchObject({ calls: 0, firstError: "no such call" });
  });
});

describe("an open loop", () => {
  test("sends every call of the schedule once and counts those after the warm-up", async () => {
    const result = await runOpenLoop(honest, open);
    expect(result).toMatchObject({ calls: 100, wrong: 0 });
    expect(result.p50Ms).toBeGreaterThan(0);
  });

  test("counts wrong answers and failures", async () => {
    expect(await runOpenLoop(forgetful, open)).toMatchObject({ wrong: 150 });
    expect(await runOpenLoop(broken, open)).toMatchObject({ wrong: 150, firstError: "no such call" });
  });
});

test("held calls are checked when they are let go", async () => {
  expect(await holdCalls(honest, 3).finished).toEqual({ wrong: 0, firstError: undefined });
  expect(await holdCalls(forgetful, 3).finished).toMatchObject({ wrong: 3 });
});
