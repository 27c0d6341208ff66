import { getEventListeners } from "node:events";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { MeshError } from "../errors.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { deadlineSignal, timeoutFor } from "./deadline.ts";

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
    expect(timeoutFor({ ...base, ...deviation })).toBe(expected);
  });
});

describe("deadlineSignal", () => {
  test("ends with DEADLINE_EXCEEDED when the time is over", async () => {
    const clock = new FakeClock();
    const { signal } = deadlineSignal(clock, 100, []);
    await clock.advance(99);
    expect(signal.aborted).toBe(false);
    await clock.advance(1);
    expect(signal.reason).toMatchObject({ meshCode: "DEADLINE_EXCEEDED", sent: true });
  });

  test.each([0, -20])("has ended at once with %s ms left", (timeoutMs) => {
    const clock = new FakeClock();
    const { signal } = deadlineSignal(clock, timeoutMs, []);
    expect(signal.reason).toMatchObject({ meshCode: "DEADLINE_EXCEEDED" });
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends with a parent, as CANCELED", () => {
    const parent = new AbortController();
    const { signal } = deadlineSignal(new FakeClock(), 100, [undefined, parent.signal]);
    parent.abort(new Error("the user left"));
    expect(signal.reason).toMatchObject({ meshCode: "CANCELED" });
    expect((signal.reason as Error).cause).toMatchObject({ message: "the user left" });
  });

  test("has ended when a parent had", () => {
    const { signal } = deadlineSignal(new FakeClock(), 100, [AbortSignal.abort()]);
    expect(signal.reason).toMatchObject({ meshCode: "CANCELED" });
  });

  test("keeps a parent's own verdict", () => {
    const verdict = new MeshError("DEADLINE_EXCEEDED");
    expect(deadlineSignal(new FakeClock(), 100, [AbortSignal.abort(verdict)]).signal.reason).toBe(verdict);
  });

  test("calls a deadline of the surrounding call a deadline", () => {
    const late = new ConnectError("the operation timed out", Code.DeadlineExceeded);
    expect(deadlineSignal(new FakeClock(), 100, [AbortSignal.abort(late)]).signal.reason).toMatchObject({
      meshCode: "DEADLINE_EXCEEDED",
    });
  });

  test("leaves no timer and no listener when it is done", () => {
    const clock = new FakeClock();
    const parent = new AbortController();
    deadlineSignal(clock, 100, [parent.signal]).done();
    expect(clock.pendingTimers).toBe(0);
    expect(getEventListeners(parent.signal, "abort")).toEqual([]);
  });
});
