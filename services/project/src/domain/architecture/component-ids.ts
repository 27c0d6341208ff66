import { COMPONENT_ID_PATTERN } from "./architecture.ts";
import type { Findings } from "./import-result.ts";

/** Makes valid, unique component ids out of the names that other formats allow. */
export class ComponentIds {
  readonly #taken: Set<string>;
  readonly #findings: Findings;

  constructor(findings: Findings, taken: Iterable<string> = []) {
    this.#findings = findings;
    this.#taken = new Set(taken);
  }

  get taken(): ReadonlySet<string> {
    return this.#taken;
  }

  /** Claims an id for `name`: the name itself where it can be, else the nearest free one, with an INFO finding. */
  claim(name: string, line?: number): string {
    const id = nearestFreeId(name, this.#taken);
    this.#taken.add(id);
    if (id !== name) this.#findings.info(`"${name.slice(0, 100)}" became the component "${id}"`, line);
    return id;
  }
}

/** The valid id nearest to `name` that is not taken: lower case, other characters as "-", at most 63, then numbered. */
export function nearestFreeId(name: string, taken: ReadonlySet<string>): string {
  const cleaned = name
    .slice(0, 200)
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 63);
  const base = COMPONENT_ID_PATTERN.test(cleaned) ? cleaned : "component";
  if (!taken.has(base)) return base;
  for (let n = 2; ; n++) {
    const suffix = `-${n}`;
    const id = base.slice(0, 63 - suffix.length) + suffix;
    if (!taken.has(id)) return id;
  }
}
