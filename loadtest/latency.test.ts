import { describe, expect, test } from "vitest";
import { ArrivalSchedule, LatencyRecorder } from "./latency.ts";

describe("LatencyRecorder", () => {
  test("gives percentiles to three significant digits", () => {
    const recorder = new LatencyRecorder();
    for (let value = 1; value <= 1000; value += 1) {
      recorder.record(value / 10);
    }
    expect(recorder.count).toBe(1000);
    expect(recorder.percentileMs(50)).toBeCloseTo(50, 0);
    expect(recorder.percentileMs(99)).toBeCloseTo(99, 0);
  });

  test("tells 80 microseconds from 81", () => {
    const recorder = new LatencyRecorder();
    recorder.record(0.08);
    expect(recorder.percentileMs(50)).toBeCloseTo(0.08, 3);
    recorder.record(0.081);
    expect(recorder.percentileMs(100)).toBeCloseTo(0.081, 4);
  });

  test("keeps what is longer than a minute as a minute, and nothing below zero", () => {
    const recorder = new LatencyRecorder();
    recorder.record(1e9);
    expect(recorder.percentileMs(100)).toBeCloseTo(60_000, -2);
    recorder.record(-1);
    expect(recorder.percentileMs(0)).toBe(0);
  });

  test("is 0 without a value", () => {
    expect(new LatencyRecorder().percentileMs(99)).toBe(0);
  });
});

describe("ArrivalSchedule", () => {
  const second = (callsPerSecond: number) => new ArrivalSchedule({ startMs: 1000, callsPerSecond, durationMs: 1000 });

  test("gives nothing before its time", () => {
    const schedule = second(100);
    expect(schedule.take(999)).toBeUndefined();
    expect(schedule.take(1000)).toBe(1000);
    expect(schedule.take(1000)).toBeUndefined();
    expect(schedule.nextDueMs).toBe(1010);
  });

  test("gives every call that is due when it was looked at late, each with its own time", () => {
    const schedule = second(100);
    const due: number[] = [];
    for (let next = schedule.take(1035); next !== undefined; next = schedule.take(1035)) {
      due.push(next);
    }
    expect(due).toEqual([1000, 1010, 1020, 1030]);
  });

  test("ends with the last call of its duration and does not drift on the way", () => {
    const schedule = second(333);
    let last = 0;
    for (let next = schedule.take(5000); next !== undefined; next = schedule.take(5000)) {
      last = next;
    }
    expect(schedule.total).toBe(333);
    expect(schedule.finished).toBe(true);
    expect(last).toBeCloseTo(1000 + 332 * (1000 / 333), 6);
  });

  /** A server that answers in 1 ms, but for a pause of a second in ten; driven with 100 calls a second on a clock of ours. */
  const pausedFromMs = 4000;
  const pausedUntilMs = 5000;
  const answeredAt = (sentMs: number) =>
    sentMs >= pausedFromMs && sentMs < pausedUntilMs ? pausedUntilMs + 1 : sentMs + 1;

  test("shows a pause to every call that was due in it", () => {
    const schedule = new ArrivalSchedule({ startMs: 0, callsPerSecond: 100, durationMs: 10_000 });
    const recorder = new LatencyRecorder();
    for (let nowMs = 0; nowMs <= 11_000; nowMs += 1) {
      for (let due = schedule.take(nowMs); due !== undefined; due = schedule.take(nowMs)) {
        recorder.record(answeredAt(nowMs) - due);
      }
    }
    expect(recorder.count).toBe(1000);
    expect(recorder.percentileMs(99)).toBeGreaterThan(890);
    expect(recorder.percentileMs(95)).toBeGreaterThan(450);
  });

  test("shows it too when the caller itself was stuck meanwhile, which a closed loop would hide", () => {
    const schedule = new ArrivalSchedule({ startMs: 0, callsPerSecond: 100, durationMs: 10_000 });
    const fromDue = new LatencyRecorder();
    const fromSent = new LatencyRecorder();
    for (let nowMs = 0; nowMs <= 11_000; nowMs += 1) {
      for (let due = schedule.take(nowMs); due !== undefined; due = schedule.take(nowMs)) {
        const sentMs = nowMs;
        nowMs = answeredAt(sentMs);
        fromDue.record(nowMs - due);
        fromSent.record(nowMs - sentMs);
      }
    }
    expect(fromSent.percentileMs(99)).toBeLessThan(2);
    expect(fromDue.percentileMs(99)).toBeGreaterThan(890);
  });
});
