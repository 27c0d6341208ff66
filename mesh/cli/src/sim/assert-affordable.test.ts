import { describe, expect, test } from "vitest";
import { CliError } from "../cli-error.ts";
import { assertAffordable } from "./assert-affordable.ts";

const plan = { durationMs: 600_000, warmupMs: undefined, load: 2, replications: 40 };

function refusal(events: number, threads = 1): { message: string; next: string | undefined } {
  try {
    assertAffordable(events, threads, plan);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  return { message: "", next: undefined };
}

describe("assertAffordable", () => {
  test("lets through what takes some hours, the more on several threads", () => {
    expect(refusal(4e10).message).toBe("");
    expect(refusal(1e11).message).not.toBe("");
    expect(refusal(1e11, 4).message).toBe("");
  });

  test("says how long it would take, and how far to lower what", () => {
    const { message, next } = refusal(4.32e11);
    expect(message).toBe("this would take about 3 days (some 4.3e11 events on 1 thread); at most 6 hours are allowed");
    expect(next).toBe("lower --duration to 60s, or --replications to 4, or --load to 0.2");
  });

  test("knows what cannot be counted", () => {
    expect(refusal(Number.POSITIVE_INFINITY)).toMatchObject({ next: "lower --load and --duration" });
  });
});
