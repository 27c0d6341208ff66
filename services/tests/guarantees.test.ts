import { describe, expect, it } from "vitest";
import { readPage, testsOf } from "./page-of-tests.ts";

const rows = testsOf(await readPage("docs/guarantees.md"), "path");

describe("the page of guarantees", () => {
  it("has rows of five cells", () => {
    expect(rows.length).toBeGreaterThan(20);
    for (const { cells } of rows) expect(cells, cells[0]).toHaveLength(5);
  });

  it.each(rows)("names a test that is there, for: $cells.0", async ({ file, title }) => {
    expect(title.length).toBeGreaterThan(10);
    expect({ file, title, isThere: (await readPage(file)).includes(title) }).toEqual({ file, title, isThere: true });
  });
});
