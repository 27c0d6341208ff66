import { describe, expect, it } from "vitest";
import { Findings, ImportError } from "./import-result.ts";
import { entryOf, textAt, valueAt } from "./located-access.ts";
import { readYaml } from "./located-yaml.ts";

function read(content: string) {
  const findings = new Findings();
  const [document] = readYaml(content, findings);
  return { document, findings: findings.list() };
}

function errorOf(content: string): ImportError {
  try {
    readYaml(content, new Findings());
  } catch (error) {
    expect(error).toBeInstanceOf(ImportError);
    return error as ImportError;
  }
  throw new Error("the content was read");
}

describe("readYaml", () => {
  it("remembers the line of every key and value", () => {
    const { document } = read("a:\n  b: 1\n  c:\n    - x\n    - y\n");
    expect(entryOf(valueAt(document, "a"), "b")?.line).toBe(2);
    expect(valueAt(document, "a", "c")).toMatchObject({ items: [{ line: 4 }, { line: 5 }] });
  });

  it("keeps scalars as they are written", () => {
    const { document } = read("a: 0123\nb: 'yes'\nc: 1.10\nd: no\n");
    expect(["a", "b", "c", "d"].map((key) => textAt(document, key))).toEqual(["0123", "yes", "1.10", "no"]);
  });

  it("follows aliases and merge keys, the explicit key winning", () => {
    const { document } = read("base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\nlist: *b\n");
    expect(textAt(document, "own", "x")).toBe("1");
    expect(textAt(document, "own", "y")).toBe("3");
    expect(textAt(document, "list", "y")).toBe("2");
  });

  it("reads JSON, tabs included", () => {
    expect(textAt(read('{\n\t"a": {\n\t\t"b": [1, true, null]\n\t}, "c": "d"}').document, "c")).toBe("d");
  });

  it("reports a key that appears twice and keeps the first", () => {
    const { document, findings } = read("a: 1\nb: 2\na: 3\n");
    expect(textAt(document, "a")).toBe("1");
    expect(findings).toEqual([
      { severity: "ERROR", message: 'the key "a" appears twice; the first one counts', line: 3 },
    ]);
  });

  it("refuses bad YAML with line and column", () => {
    expect(errorOf("a: 1\nb: [1, 2\nc: 3\n")).toMatchObject({ line: 3, column: 1 });
  });

  it("refuses aliases without an anchor, or inside their own", () => {
    expect(errorOf("a: *nothing").message).toContain("*nothing");
    expect(errorOf("a: &self [1, *self]").message).toContain("*self");
  });

  it("refuses aliases that grow beyond measure", () => {
    const lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let level = 1; level < 10; level++) {
      lines.push(
        `l${level}: &l${level} [${Array(10)
          .fill(`*l${level - 1}`)
          .join(", ")}]`,
      );
    }
    expect(errorOf(lines.join("\n")).message).toContain("aliases are expanded");
  });

  it("refuses content that is too large, too deep, made of too many tokens, or empty", () => {
    expect(errorOf("a".repeat(1_048_577)).message).toContain("1 MiB");
    expect(errorOf("é".repeat(600_000)).message).toContain("1 MiB");
    expect(errorOf("[".repeat(5000)).message).toContain("levels deep");
    expect(errorOf("- ".repeat(5000)).message).toContain("levels deep");
    expect(errorOf('"'.repeat(1_000_000)).message).toContain("tokens");
    expect(errorOf("# nothing\n---\n").message).toContain("empty");
  });

  it("leaves a bad document out where others can stand without it", () => {
    const findings = new Findings();
    const documents = readYaml("a: 1\n---\nb: [\n---\nc: 3\n", findings, { skipBadDocuments: true });
    expect(documents.map((document) => textAt(document, "a") ?? textAt(document, "c"))).toEqual(["1", "3"]);
    expect(findings.list()).toMatchObject([{ severity: "ERROR", line: 3 }]);
  });
});
