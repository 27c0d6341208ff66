import { expect, test } from "vitest";
import { Arrivals, publicationsOf } from "./publishing.ts";

test("a closed loop keeps as many messages on their way as its window holds", () => {
  const arrivals = new Arrivals();
  const next = publicationsOf({ kind: "publish-closed", channel: "c", window: 2, durationMs: 1000 }, arrivals);
  expect([next(0), next(0), next(0)]).toEqual([
    { channel: "c", first: 0, messages: 1 },
    { channel: "c", first: 1, messages: 1 },
    undefined,
  ]);
  arrivals.arrived = 1;
  expect([next(0)?.first, next(0)]).toEqual([2, undefined]);
});

test("an open loop publishes a batch when its last message is due, channels in turn, whatever has arrived", () => {
  const schedule = { startMs: 100, messagesPerSecond: 1000, messagesPerFrame: 2 };
  const order = { kind: "publish-open", channels: ["a", "b"], schedule, durationMs: 8 } as const;
  const next = publicationsOf(order, new Arrivals());
  // Of a and b in turn, one is due each millisecond from 100 on: the second one of a at 102, of b at 103.
  expect(next(101.9)).toBeUndefined();
  expect(next(102)).toEqual({ channel: "a", first: 0, messages: 2 });
  expect(next(102.5)).toBeUndefined();
  expect(next(103)).toEqual({ channel: "b", first: 0, messages: 2 });
  expect([next(1000), next(1000), next(1000)]).toEqual([
    { channel: "a", first: 2, messages: 2 },
    { channel: "b", first: 2, messages: 2 },
    undefined,
  ]);
});
