import type { Architecture } from "./architecture/architecture.ts";
import { exportCompose } from "./architecture/export-compose.ts";
import { exportKubernetes } from "./architecture/export-kubernetes.ts";
import { exportWeft } from "./architecture/export-weft.ts";
import { importCompose } from "./architecture/import-compose.ts";
import { importKubernetes } from "./architecture/import-kubernetes.ts";
import { type Finding, ImportError, type ImportResult } from "./architecture/import-result.ts";
import { importWeft } from "./architecture/import-weft.ts";
import { ProjectError } from "./errors.ts";

export const formats = ["COMPOSE", "KUBERNETES", "WEFT"] as const;
export type Format = (typeof formats)[number];

/** Reads an architecture; what cannot be read at all is refused with its place in the content. */
export function importArchitecture(format: Format, content: string): ImportResult {
  const readers = { COMPOSE: importCompose, KUBERNETES: importKubernetes, WEFT: importWeft } satisfies Record<
    Format,
    (content: string) => ImportResult
  >;
  try {
    return readers[format](content);
  } catch (error) {
    if (error instanceof ImportError) {
      throw new ProjectError("content_unreadable", error.message, {
        fields: [{ field: "content", description: error.message }],
        ...(error.line === undefined ? {} : { facts: { line: String(error.line) } }),
        cause: error,
      });
    }
    throw error;
  }
}

/** Writes an architecture, with findings for what the format cannot say. */
export function exportArchitecture(
  format: Format,
  name: string,
  architecture: Architecture,
): { content: string; fileName: string; findings: readonly Finding[] } {
  const writers = { COMPOSE: exportCompose, KUBERNETES: exportKubernetes, WEFT: exportWeft } satisfies Record<
    Format,
    (architecture: Architecture) => { content: string; findings: readonly Finding[] }
  >;
  const endings: Record<Format, string> = { COMPOSE: "compose.yaml", KUBERNETES: "kubernetes.yaml", WEFT: "weft.yaml" };
  const base = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
  return { ...writers[format](architecture), fileName: `${base === "" ? "project" : base}.${endings[format]}` };
}
