import { describe, expect, test } from "vitest";
import { Samples } from "../rounds.ts";
import { type RowRule, rowFrom } from "./rows.ts";

const rule: RowRule = {
  id: "unary-256/grpc-js",
  what: "calls",
  series: "unary-256",
  unit: "calls/s",
  better: "more",
  ours: "weft",
  peer: "grpc-js",
  atLeast: 10,
};

function measured(ours: readonly number[], peer: readonly number[]): Samples {
  const samples = new Samples();
  for (const [round, value] of ours.entries()) {
    samples.add("unary-256", "weft", round, value);
  }
  for (const [round, value] of peer.entries()) {
    samples.add("unary-256", "grpc-js", round, value);
  }
  return samples;
}

describe("rowFrom", () => {
  test("reports medians, the median ratio and its spread", () => {
    expect(rowFrom(rule, measured([1200, 1000, 1500], [100, 100, 100]))).toEqual({
      id: "unary-256/grpc-js",
      what: "calls",
      ours: 1200,
      peer: 100,
      peerName: "grpc-js",
      unit: "calls/s",
      ratio: 12,
      atLeast: 10,
      ok: true,
      spread: [10, 15],
    });
  });

  test("is not ok below what is asked, and ok exactly there", () => {
    expect(rowFrom(rule, measured([999], [100]))).toMatchObject({ ratio: 9.99, ok: false });
    expect(rowFrom(rule, measured([1000], [100]))).toMatchObject({ ratio: 10, ok: true });
  });

  test("compares before it rounds", () => {
    expect(rowFrom(rule, measured([999.99], [100]))).toMatchObject({ ratio: 10, ok: false });
  });

  test("asks nothing of a ratio that is only reported", () => {
    expect(rowFrom({ ...rule, atLeast: null }, measured([1], [100]))).toMatchObject({ ratio: 0.01, ok: true });
  });

  test("turns the ratio of a latency round", () => {
    expect(rowFrom({ ...rule, better: "less", atLeast: 2 }, measured([0.1], [0.3]))).toMatchObject({
      ratio: 3,
      ok: true,
    });
  });

  test("has no ratio where there is no peer", () => {
    const { peer: _, ...alone } = rule;
    expect(rowFrom({ ...alone, atLeast: null }, measured([5, 7], []))).toMatchObject({
      ours: 6,
      peer: null,
      peerName: null,
      ratio: null,
      ok: true,
      spread: [5, 7],
    });
  });

  test("is not ok when a side was not measured, even when nothing is asked", () => {
    expect(rowFrom({ ...rule, atLeast: null }, measured([5], []))).toMatchObject({
      ratio: null,
      peer: null,
      ok: false,
    });
    expect(rowFrom({ ...rule, atLeast: null }, measured([], [5]))).toMatchObject({
      ratio: null,
      ours: null,
      ok: false,
    });
  });

  test("is not ok when an answer was wrong, whatever the figure, and says whose", () => {
    const samples = measured([5000], [100]);
    samples.fail("unary-256", "weft", "3 wrong\nwith a stack");
    expect(rowFrom(rule, samples)).toMatchObject({ ratio: 50, ok: false, what: "calls; weft failed: 3 wrong" });
  });
});
