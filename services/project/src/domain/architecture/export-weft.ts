import { stringify } from "yaml";
import type { Architecture } from "./architecture.ts";
import type { Finding } from "./import-result.ts";

/** An architecture as text, and what that text could not say. */
export interface ExportResult {
  content: string;
  findings: Finding[];
}

export interface ExportWeftOptions {
  /** "yaml" when absent. */
  syntax?: "yaml" | "json";
}

/**
 * Writes Weft's own format with every number, also those that are defaults today: a file means the same when a default
 * changes. `importWeft` gives back an equal architecture, and there is nothing that this format cannot say.
 */
export function exportWeft(architecture: Architecture, options: ExportWeftOptions = {}): ExportResult {
  const { components, links, workloads } = architecture;
  const model = { components, links, workloads };
  const content = options.syntax === "json" ? `${JSON.stringify(model, undefined, 2)}\n` : writeYaml(model);
  return { content, findings: [] };
}

/** YAML without anchors or folded lines: easy to read and to compare. */
export function writeYaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}
