import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
const page = await readFile(new URL("docs/guarantees.md", root), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| path "))
  .map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );

describe("the page of guarantees", () => {
  it("has rows of five cells", () => {
    expect(rows.length).toBeGreaterThan(20);
    for (const cells of rows) expect(cells, cells[0]).toHaveLength(5);
  });

  it.each(rows)("names a test that is there, for: %s", async (_path, _effect, _order, file = "", title = "") => {
    const source = await readFile(new URL(file.replaceAll("`", ""), root), "utf8");
    expect(title.length).toBeGreaterThan(10);
    expect(source).toContain(title);
  });
});
