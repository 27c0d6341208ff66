import { access, readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { readPage, testsOf } from "./page-of-tests.ts";

const page = await readPage("docs/security.md");
const rows = testsOf(page, "item").map((row) => ({ ...row, item: row.cells[0] ?? "" }));
const sources = await Promise.all(["services", "mesh"].map(filesBelow)).then((found) => found.flat());

/** Sources of ours below a folder, from the root. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(new URL(`../../${folder}`, import.meta.url), { recursive: true });
  return entries
    .filter((path) => path.endsWith(".ts") && !path.includes("node_modules"))
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`);
}

/** The items that a title begins with: "ASVS 7.4.3, 7.2.4: …". */
function itemsOf(title: string): string[] {
  return (/^ASVS ([^:]+):/.exec(title)?.[1] ?? "").split(", ").filter((item) => /^\d+\.\d+\.\d+$/.test(item));
}

describe("the page of security", () => {
  it("has rows of five cells, in the order of the items", () => {
    expect(rows.length).toBeGreaterThan(60);
    for (const { cells, item } of rows) expect(cells, item).toHaveLength(5);
    const numbers = rows.map(({ item }) =>
      item
        .split(".")
        .map((part) => part.padStart(3, "0"))
        .join("."),
    );
    expect(numbers).toEqual([...numbers].sort());
  });

  it.each(rows)("names a test that is there and is named by its item: $item", async ({ item, file, title }) => {
    expect(itemsOf(title)).toContain(item);
    const isThere = (await readPage(file)).includes(`"${title}`);
    expect({ file, title, isThere }).toEqual({ file, title, isThere: true });
  });

  it("has a row for every item that a test is named by", async () => {
    const known = new Set(rows.map(({ item }) => item));
    const unknown: string[] = [];
    for (const file of sources.filter((path) => /\.test\.ts$/.test(path))) {
      const titles = (await readPage(file)).matchAll(/["'`](ASVS [\d., ]+[^:"'`]*:)/g);
      const items = [...titles].flatMap(([, title = ""]) => itemsOf(title));
      unknown.push(...items.filter((item) => !known.has(item)).map((item) => `${item} of ${file}`));
    }
    expect(unknown).toEqual([]);
  });

  it("names only files that are there", async () => {
    const paths = [...page.matchAll(/`((?:services|mesh|proto|docs)\/[\w./-]+)`/g)].map(([, path = ""]) => path);
    expect(paths.length).toBeGreaterThan(60);
    for (const path of new Set(paths)) {
      await expect(access(new URL(`../../${path}`, import.meta.url)), path).resolves.toBeUndefined();
    }
  });
});

describe("the page of settings", () => {
  it("has every variable that is read from the environment, and no other", async () => {
    const settings = await readPage("docs/operating.md");
    const read = new Set<string>();
    for (const file of sources.filter((path) => /^(services\/\w+|mesh|mesh\/cli)\/src\//.test(path))) {
      if (!/\.test\.ts$|\/testing\//.test(file)) {
        // With the dot of env.NAME, the quotes of a name that is passed on, or the backticks of a comment that explains one.
        for (const [, name = ""] of (await readPage(file)).matchAll(/[."'`](WEFT_[A-Z0-9_]*[A-Z0-9])\b/g)) {
          read.add(name);
        }
      }
    }
    const isTest = (name: string) => /^WEFT_(FUZZ|SHARED|X$|OIDC$)/.test(name);
    expect([...read].filter((name) => !isTest(name) && !settings.includes(`\`${name}\``))).toEqual([]);
    const named = [...settings.matchAll(/`(WEFT_[A-Z0-9_]+)`/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !read.has(name) && !name.startsWith("WEFT_OIDC_ACME_"))).toEqual([]);
  });
});
