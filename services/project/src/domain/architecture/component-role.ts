import type { PartialComponent } from "./architecture.ts";
import type { Findings } from "./import-result.ts";

/**
 * What a part of an imported file does, beside its kind: a worker takes messages from a broker, a job ends, a service is
 * called. Files seldom say which, so it is guessed (broker-consumers.ts, one-shot-jobs.ts); the label settles it.
 */
export const ROLES = ["service", "worker", "job"] as const;
export type Role = (typeof ROLES)[number];

/** A label of a compose service; in Kubernetes an annotation of the object or a label of its pods. */
export const ROLE_LABEL = "weft.dev/role";

/** What an importer knows of a component that came from a container of the file. */
export interface RoleFacts {
  component: PartialComponent;
  line: number;
  /** Whether the file says that it can be called: from outside, or by parts that are in other files. */
  isReachable: boolean;
  /** Values of its labels: people write there what a part is. */
  labels: readonly string[];
  /** Command and entrypoint: one image often runs as several parts. */
  commands: readonly string[];
  /** What the label says. */
  role: Role | undefined;
  /** Why it is not there all the time, as the end of "it …"; undefined when the file does not say so. */
  endsBecause: string | undefined;
  /** Whether the file says that it does not start again when it ends, or that it always does; undefined: nothing. */
  restarts: boolean | undefined;
}

/** The role that a label names; another text is an ERROR finding and counts as absent. */
export function readRole(text: string | undefined, name: string, line: number, findings: Findings): Role | undefined {
  if (text === undefined) return undefined;
  const role = ROLES.find((known) => known === text);
  if (role === undefined) {
    findings.error(
      `${ROLE_LABEL} of ${name} must be one of ${ROLES.join(", ")}, not "${text.slice(0, 80)}"; it is ignored`,
      line,
    );
  }
  return role;
}
