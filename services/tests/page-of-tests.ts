import { readFile } from "node:fs/promises";

/*
 * Pages of docs/ whose tables end in two columns that name a test, its file and its title: what such a page says is worth as
 * much as the test.
 */

const root = new URL("../../", import.meta.url);

export interface NamedTest {
  readonly cells: readonly string[];
  /** From the root of the repository. */
  readonly file: string;
  readonly title: string;
}

export function readPage(path: string): Promise<string> {
  return readFile(new URL(path, root), "utf8");
}

/** The rows of the table of a page whose first column has this name. */
export function testsOf(page: string, firstColumn: string): NamedTest[] {
  const lines = page.split("\n");
  const head = lines.findIndex((line) => line.startsWith(`| ${firstColumn} |`));
  const end = lines.findIndex((line, at) => at > head && !line.startsWith("|"));
  return lines.slice(head + 2, end).map((line) => {
    const cells = line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim());
    return { cells, file: cells.at(-2)?.replaceAll("`", "") ?? "", title: cells.at(-1) ?? "" };
  });
}
