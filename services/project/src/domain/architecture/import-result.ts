import type { Architecture } from "./architecture.ts";

export type FindingSeverity = "INFO" | "WARNING" | "ERROR";

/**
 * Something an import or export could not carry over, or did in a way worth knowing. INFO: how a thing was read.
 * WARNING: the model may differ from the system. ERROR: a part of the file is wrong and was left out or replaced.
 */
export interface Finding {
  severity: FindingSeverity;
  message: string;
  /** 1-based line in the content. */
  line?: number;
}

/** A model that passes `completeArchitecture` without problems, and all there is to say about how it came to be. */
export interface ImportResult {
  architecture: Architecture;
  findings: Finding[];
}

/** Content from which no model can be made at all; `line` and `column` (1-based) say where, when one place is to blame. */
export class ImportError extends Error {
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(message: string, line?: number, column?: number) {
    const place = line === undefined ? "" : `line ${line}${column === undefined ? "" : `, column ${column}`}: `;
    super(place + message);
    this.name = "ImportError";
    this.line = line;
    this.column = column;
  }
}

/** Beyond this a list of findings is no longer read by anybody. */
const MAX_FINDINGS = 500;

/** Collects findings in the order of the import's steps; `list()` gives them with ERROR first, then by line. */
export class Findings {
  readonly #found: Finding[] = [];
  readonly #seen = new Set<string>();
  #omitted = 0;

  info(message: string, line?: number): void {
    this.#add("INFO", message, line);
  }

  warning(message: string, line?: number): void {
    this.#add("WARNING", message, line);
  }

  error(message: string, line?: number): void {
    this.#add("ERROR", message, line);
  }

  list(): Finding[] {
    const rank: Record<FindingSeverity, number> = { ERROR: 0, WARNING: 1, INFO: 2 };
    const sorted = [...this.#found].sort(
      (a, b) => rank[a.severity] - rank[b.severity] || (a.line ?? 0) - (b.line ?? 0),
    );
    if (this.#omitted > 0) {
      sorted.push({ severity: "WARNING", message: `${this.#omitted} further findings are not listed` });
    }
    return sorted;
  }

  #add(severity: FindingSeverity, message: string, line: number | undefined): void {
    // Shared YAML nodes are visited once per use; their findings are said once.
    const key = `${line} ${message}`;
    if (this.#seen.has(key)) return;
    if (this.#found.length >= MAX_FINDINGS) {
      this.#omitted++;
      return;
    }
    this.#seen.add(key);
    this.#found.push(line === undefined ? { severity, message } : { severity, message, line });
  }
}
