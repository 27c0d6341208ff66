import { describe, expect, test } from "vitest";
import { timeoutFor } from "./deadline.ts";

describe("timeoutFor", () => {
  const base = {
    requestedMs: undefined,
    defaultMs: 10_000,
    surroundingDeadlineMs: undefined,
    nowMs: 1000,
    reserveMs: 5,
  };

  test.each([
    ["the default without a wish", {}, 10_000],
    ["the default for a wish of zero", { requestedMs: 0 }, 10_000],
    ["the caller's wish", { requestedMs: 200 }, 200],
    ["what is left to the surrounding call, less the reserve", { surroundingDeadlineMs: 1300 }, 295],
    ["the wish when it is shorter than what is left", { requestedMs: 100, surroundingDeadlineMs: 1300 }, 100],
    ["what is left when the wish is longer", { requestedMs: 900, surroundingDeadlineMs: 1300 }, 295],
    ["less than nothing when the time is over", { surroundingDeadlineMs: 990 }, -15],
  ])("is %s", (_what, deviation, expected) => {
    const { requestedMs, defaultMs, surroundingDeadlineMs, nowMs, reserveMs } = { ...base, ...deviation };
    expect(timeoutFor(requestedMs, defaultMs, surroundingDeadlineMs, nowMs, reserveMs)).toBe(expected);
  });
});
