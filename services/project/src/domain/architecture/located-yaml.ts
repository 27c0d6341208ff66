import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  type YAMLMap,
} from "yaml";
import { type Findings, ImportError } from "./import-result.ts";

/**
 * Reads YAML (and so JSON) into plain values that remember their lines.
 *
 * The text comes from strangers, so everything is bounded before it is built: bytes, tokens (the parser costs about
 * 10 µs each), nesting (checked while parsing, because the composer recurses) and the size after aliases are expanded.
 * Aliases share their target instead of copying it, and `<<` merge keys are applied here, the explicit key winning.
 * Duplicate keys are found here too: the parser's own check compares every key with every other.
 */
export type Located = LocatedMap | LocatedList | LocatedScalar;

/** `text` is the scalar as written, unquoted, so that `01`, `yes` and `1.10` stay what they look like. */
export interface LocatedScalar {
  type: "scalar";
  value: string | number | boolean | null;
  text: string;
  line: number;
}

export interface LocatedList {
  type: "list";
  items: Located[];
  line: number;
}

export interface LocatedMap {
  type: "map";
  entries: Map<string, LocatedEntry>;
  line: number;
}

export interface LocatedEntry {
  key: string;
  /** Line of the key. */
  line: number;
  value: Located;
}

const MAX_BYTES = 1_048_576;
/** A dense manifest of 1 MiB has about 290,000. */
const MAX_TOKENS = 350_000;
const MAX_NESTING = 100;
/** Nodes after expansion; long texts count once per 64 characters. A manifest of 1 MiB has about 100,000. */
const MAX_EXPANDED_SIZE = 250_000;

/** What `readYaml` does with a document that is not YAML: refuse the content, or report it and read the others. */
export interface ReadYamlOptions {
  skipBadDocuments?: boolean;
}

/**
 * The content's documents, empty ones left out. Throws ImportError when the content is too large or not YAML, with line
 * and column.
 */
export function readYaml(content: string, findings: Findings, options: ReadYamlOptions = {}): Located[] {
  if (content.length > MAX_BYTES || new TextEncoder().encode(content).length > MAX_BYTES) {
    throw new ImportError(`the content must have at most ${MAX_BYTES} bytes (1 MiB)`);
  }
  const lineCounter = new LineCounter();
  const tokens = parseTokens(content, lineCounter);
  const composer = new Composer({
    lineCounter,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: "silent",
    schema: "core",
  });
  const documents: Located[] = [];
  let firstError: ImportError | undefined;
  try {
    for (const document of composer.compose(tokens, true, content.length)) {
      try {
        const located = locateDocument(document, lineCounter, findings);
        if (located !== undefined) documents.push(located);
      } catch (error) {
        if (!(error instanceof ImportError) || options.skipBadDocuments !== true) throw error;
        firstError ??= error;
        const { line } = lineCounter.linePos((document.contents?.range ?? document.range)?.[0] ?? 0);
        findings.error(`this document is left out, because it cannot be read: ${error.message}`, line);
      }
    }
  } catch (error) {
    if (error instanceof ImportError) throw error;
    // The parser gave up in a way it has no error for; the content is still what is to blame.
    throw new ImportError(`the content is not YAML that can be read: ${(error as Error).message}`);
  }
  if (documents.length === 0) throw firstError ?? new ImportError("the content is empty");
  return documents;
}

function parseTokens(content: string, lineCounter: LineCounter): CST.Token[] {
  const parser = new Parser(lineCounter.addNewLine);
  const tokens: CST.Token[] = [];
  let count = 0;
  lineCounter.addNewLine(0);
  for (const lexeme of new Lexer().lex(content)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    count++;
    if (count > MAX_TOKENS) throw new ImportError(`the content has more than ${MAX_TOKENS} YAML tokens`);
    if (parser.stack.length > MAX_NESTING) {
      const { line, col } = lineCounter.linePos(parser.offset);
      throw new ImportError(`the content is nested more than ${MAX_NESTING} levels deep`, line, col);
    }
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

function locateDocument(document: Document, lineCounter: LineCounter, findings: Findings): Located | undefined {
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new ImportError(`not valid YAML: ${error.message}`, line, col);
  }
  for (const warning of document.warnings) {
    findings.info(`YAML: ${warning.message}`, lineCounter.linePos(warning.pos[0]).line);
  }
  const contents = document.contents;
  if (contents === null || (isScalar(contents) && contents.value === null)) return undefined;
  return new Locator(lineCounter, findings).locate(contents as Node);
}

interface Sized {
  located: Located;
  size: number;
  depth: number;
}

class Locator {
  readonly #lineCounter: LineCounter;
  readonly #findings: Findings;
  readonly #anchors = new Map<string, Sized>();

  constructor(lineCounter: LineCounter, findings: Findings) {
    this.#lineCounter = lineCounter;
    this.#findings = findings;
  }

  locate(node: Node): Located {
    return this.#locate(node, 1).located;
  }

  #locate(node: Node | null, line: number): Sized {
    if (node === null) return { located: { type: "scalar", value: null, text: "", line }, size: 1, depth: 1 };
    const here = node.range ? this.#lineCounter.linePos(node.range[0]).line : line;
    if (isAlias(node)) return this.#resolve(node.source, node.range?.[0] ?? 0);
    const sized = isMap(node)
      ? this.#locateMap(node, here)
      : isSeq(node)
        ? this.#locateList(node.items as (Node | null)[], here)
        : this.#locateScalar(node, here);
    if (sized.size > MAX_EXPANDED_SIZE || sized.depth > MAX_NESTING) {
      throw new ImportError("the content grows too large or too deep when its aliases are expanded", here);
    }
    // An alias inside its own anchor finds nothing here yet, which is how recursion is refused.
    if ("anchor" in node && node.anchor) this.#anchors.set(node.anchor, sized);
    return sized;
  }

  #resolve(anchor: string, offset: number): Sized {
    const sized = this.#anchors.get(anchor);
    if (sized !== undefined) return sized;
    const { line, col } = this.#lineCounter.linePos(offset);
    throw new ImportError(`the alias *${anchor} refers to itself or to no anchor before it`, line, col);
  }

  #locateScalar(node: Node, line: number): Sized {
    const value = isScalar(node) ? node.value : null;
    const source = isScalar(node) && node.source !== undefined ? node.source : String(value ?? "");
    const plain = typeof value === "number" || typeof value === "boolean" || value === null ? value : String(value);
    const text = value === null ? "" : typeof value === "string" ? value : source;
    return { located: { type: "scalar", value: plain, text, line }, size: 1 + (text.length >> 6), depth: 1 };
  }

  #locateList(nodes: readonly (Node | null)[], line: number): Sized {
    const items: Located[] = [];
    let size = 1;
    let depth = 1;
    for (const node of nodes) {
      const item = this.#locate(node, line);
      items.push(item.located);
      size += item.size;
      depth = Math.max(depth, item.depth + 1);
    }
    return { located: { type: "list", items, line }, size, depth };
  }

  #locateMap(node: YAMLMap, line: number): Sized {
    const entries = new Map<string, LocatedEntry>();
    const merged: Located[] = [];
    let size = 1;
    let depth = 1;
    for (const pair of node.items) {
      const keyNode = pair.key as Node | null;
      const key = this.#locate(keyNode, line);
      const keyLine = keyNode?.range ? this.#lineCounter.linePos(keyNode.range[0]).line : line;
      const value = this.#locate(pair.value as Node | null, keyLine);
      size += key.size + value.size;
      depth = Math.max(depth, value.depth + 1);
      if (key.located.type !== "scalar") {
        this.#findings.error("a key that is a list or mapping has no meaning here; it is left out", keyLine);
        continue;
      }
      const text = key.located.text;
      if (text === "<<") merged.push(...(value.located.type === "list" ? value.located.items : [value.located]));
      else if (entries.has(text)) {
        this.#findings.error(`the key "${text.slice(0, 80)}" appears twice; the first one counts`, keyLine);
      } else entries.set(text, { key: text, line: keyLine, value: value.located });
    }
    for (const source of merged) {
      if (source.type !== "map") {
        this.#findings.error("<< merges mappings only; this is left out", line);
        continue;
      }
      for (const [text, entry] of source.entries) if (!entries.has(text)) entries.set(text, entry);
    }
    return { located: { type: "map", entries, line }, size, depth };
  }
}
