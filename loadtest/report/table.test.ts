import { describe, expect, test } from "vitest";
import type { Row } from "./rows.ts";
import { formatNumber, renderTable } from "./table.ts";

const row: Row = {
  id: "unary-256/grpc-js",
  what: "calls in flight",
  ours: 123_456,
  peer: 9_876,
  peerName: "grpc-js",
  unit: "calls/s",
  ratio: 12.5,
  atLeast: 10,
  ok: true,
  spread: [11, 13.25],
};

describe("renderTable", () => {
  test("puts each row on a line, numbers to the right", () => {
    const lone: Row = {
      ...row,
      id: "x",
      ours: 1,
      peer: null,
      peerName: null,
      ratio: null,
      atLeast: null,
      spread: null,
    };
    expect(renderTable([row, lone])).toBe(
      [
        "                      ours   peer  unit     ratio   min–max  at least",
        "unary-256/grpc-js  123,500  9,876  calls/s  12.5×  11–13.25       10×  ok",
        "x                        1         calls/s                             ok",
      ].join("\n"),
    );
  });

  test("says below which rows are not ok, and of what", () => {
    expect(renderTable([{ ...row, ok: false }])).toMatch(/NOT OK\n\nNOT OK {2}unary-256\/grpc-js: calls in flight$/);
  });
});

test("numbers have four digits that count", () => {
  expect([0.012345, 1.23456, 12_345.6, 0, null].map(formatNumber)).toEqual(["0.01235", "1.235", "12,350", "0", ""]);
});
