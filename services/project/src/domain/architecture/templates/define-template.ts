import type { Architecture, PartialArchitecture } from "../architecture.ts";
import { completeArchitecture } from "../complete-architecture.ts";

/** A system to start from: valid, stable under its own load, with numbers of its trade. */
export interface SystemTemplate {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly architecture: Architecture;
}

/** Fills a template's defaults; throws when it is not a valid architecture, which no released template is. */
export function defineTemplate(
  given: Omit<SystemTemplate, "architecture"> & { readonly architecture: PartialArchitecture },
): SystemTemplate {
  const { architecture, problems } = completeArchitecture(given.architecture);
  const [problem] = problems;
  if (problem !== undefined) throw new Error(`template ${given.id}: ${problem.field} ${problem.message}`);
  return { ...given, architecture };
}
