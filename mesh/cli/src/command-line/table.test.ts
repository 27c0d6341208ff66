import { describe, expect, test } from "vitest";
import { formatTable } from "./table.ts";

const headings = ["ID", "LEFT", "MIDDLE", "RIGHT"];
const rows = [["a", "1", "\u001b[31m2\u001b[39m", "3"]];

describe("formatTable", () => {
  test("makes columns as wide as their widest cell, whatever its colours", () => {
    expect(formatTable(headings, rows)).toBe("ID  LEFT  MIDDLE  RIGHT\na   1     \u001b[31m2\u001b[39m       3");
  });

  test("goes on below with the first column again where a line would be too wide", () => {
    const parts = formatTable(headings, rows, 16).split("\n\n");
    expect(parts.map((part) => part.split("\n")[0])).toEqual(["ID  LEFT  MIDDLE", "ID  RIGHT"]);
    expect(parts[1]).toBe("ID  RIGHT\na   3");
  });

  test("keeps a column beside the first however narrow it should be", () => {
    expect(formatTable(headings, rows, 1).split("\n\n").length).toBe(3);
  });
});
