import { describe, expect, test } from "vitest";
import type { Row } from "../report/rows.ts";
import { type Baseline, baselineFrom, compareWithBaseline } from "./compare.ts";

const baseline: Baseline = { machine: "some machine", date: "2026-03-01", ratios: { "unary-256/grpc-js": 12 } };

function row(ratio: number | null, id = "unary-256/grpc-js"): Row {
  return {
    ...{ id, what: "calls", ours: 1, peer: ratio === null ? null : 1, peerName: "grpc-js", unit: "calls/s" },
    ...{ ratio, atLeast: null, ok: ratio !== null, spread: null },
  };
}

const compared = (ratio: number | null, id?: string): Row | undefined =>
  compareWithBaseline([row(ratio, id)], baseline)[0];

describe("compareWithBaseline", () => {
  test("passes a ratio that fell by less than a third", () => {
    expect(compared(8.1)).toMatchObject({
      ...{ id: "baseline/unary-256/grpc-js", ours: 8.1, peer: 12, peerName: "baseline", ratio: 0.675, ok: true },
    });
  });

  test("passes a third to the point", () => {
    expect(compared(8)).toMatchObject({ ok: true });
  });

  test("fails a ratio that fell by more", () => {
    expect(compared(7.9)).toMatchObject({ ratio: 0.6583, atLeast: 0.6667, ok: false });
  });

  test("passes whatever became faster", () => {
    expect(compared(50)).toMatchObject({ ok: true });
  });

  test("fails what could not be measured", () => {
    expect(compared(null)).toMatchObject({ ours: null, ratio: null, ok: false, what: "calls" });
  });

  test("passes a row that the baseline does not know", () => {
    expect(compared(3, "unary-64/new")).toMatchObject({ ours: 3, peer: null, ratio: null, atLeast: null, ok: true });
  });

  test("leaves out figures without a peer", () => {
    const alone: Row = { ...row(null), peerName: null };
    expect(compareWithBaseline([alone], baseline)).toEqual([]);
  });
});

describe("baselineFrom", () => {
  test("keeps three digits of each ratio", () => {
    expect(baselineFrom([row(12.345)], "m", "2026-03-01")).toEqual({
      ...{ machine: "m", date: "2026-03-01", ratios: { "unary-256/grpc-js": 12.3 } },
    });
  });

  test("keeps what every round reached, where there were several", () => {
    const several: Row = { ...row(12), spread: [10.26, 15] };
    expect(baselineFrom([several], "m", "2026-03-01").ratios).toEqual({ "unary-256/grpc-js": 10.3 });
  });

  test("refuses a run in which something was not measured", () => {
    expect(() => baselineFrom([row(null)], "m", "2026-03-01")).toThrow("unary-256/grpc-js was not measured");
  });
});
