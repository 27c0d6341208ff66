import { parseSync, Visitor } from "oxc-parser";

/** One import, re-export, dynamic import or import type of a source file. */
export interface SourceImport {
  /** As written, such as `./pool.ts` or `@weft/mesh`. */
  readonly specifier: string;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Everything `source` imports, types included, in the order of the text. A dynamic import counts when its argument is a
 * plain string. Throws an Error with the parser's message when `source` is not TypeScript.
 */
export function importsOf(path: string, source: string): SourceImport[] {
  const { module, program, errors } = parseSync(path, source);
  const [error] = errors;
  if (error !== undefined) {
    throw new Error(`${path}: ${error.message}`);
  }
  const requests: { value: string; start: number }[] = [];
  for (const { moduleRequest } of module.staticImports) {
    requests.push(moduleRequest);
  }
  for (const { moduleRequest } of module.staticExports.flatMap((statement) => statement.entries)) {
    if (moduleRequest !== null) {
      requests.push(moduleRequest);
    }
  }
  new Visitor({
    ImportExpression: ({ source: argument }) => {
      if (argument.type === "Literal" && typeof argument.value === "string") {
        requests.push({ value: argument.value, start: argument.start });
      }
    },
    TSImportType: ({ source: argument }) => {
      requests.push({ value: argument.value, start: argument.start });
    },
  }).visit(program);
  // `export { a, b } from "x"` is one import, although each name refers to it.
  const byStart = new Map(requests.map((request) => [request.start, request]));
  return [...byStart.values()]
    .sort((a, b) => a.start - b.start)
    .map(({ value, start }) => ({ specifier: value, line: source.slice(0, start).split("\n").length }));
}
