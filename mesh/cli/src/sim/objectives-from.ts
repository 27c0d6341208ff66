import { type Objective, parseObjective } from "@weft/simulator";
import { repeatedOption } from "../command-line/options.ts";
import { orCliError } from "./study-options.ts";

export const objectiveArg = {
  type: "string",
  description: "What should be kept, may be repeated: mean, p50, p90, p95, p99, p99.9 or errors",
  valueHint: "p99<200ms",
} as const;

/** Throws CliError that names the text and what is allowed. */
export function objectivesFrom(rawArgs: readonly string[]): Objective[] {
  return repeatedOption(rawArgs, ["--objective"]).map((text) => orCliError(() => parseObjective(text)));
}
