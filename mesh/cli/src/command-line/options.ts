import type { ArgsDef } from "citty";
import { CliError } from "../cli-error.ts";
import { nearest } from "./nearest.ts";

/** Options that every command understands. */
export const commonArgs = {
  debug: { type: "boolean", description: "Show stack traces of errors" },
} as const satisfies ArgsDef;

/**
 * Refuses options that a command does not have, naming the nearest one it has: a misspelt option must not be ignored.
 * Everything after `--` is left alone.
 */
export function assertKnownOptions(rawArgs: readonly string[], args: ArgsDef): void {
  const known = new Set(["help", "h", ...Object.keys(args)]);
  for (const definition of Object.values(args)) {
    const { alias = [] } = definition as { alias?: string | string[] };
    for (const name of Array.isArray(alias) ? alias : [alias]) {
      known.add(name);
    }
  }
  for (const argument of rawArgs) {
    if (argument === "--") {
      return;
    }
    const name = /^--?([a-zA-Z][a-zA-Z0-9-]*)/.exec(argument)?.[1];
    if (name !== undefined && !known.has(name) && !known.has(name.replace(/^no-/, ""))) {
      const options = [...known].filter((option) => option.length > 1).map((option) => `--${option}`);
      const near = nearest(`--${name}`, options, 1)[0];
      throw new CliError(`unknown option ${argument.split("=")[0]}`, {
        next:
          near === undefined
            ? `options: ${options.join(", ")}`
            : `did you mean ${near}? options: ${options.join(", ")}`,
      });
    }
  }
}

/** All values of an option that may be repeated: `--header a=1 --header=b=2`. */
export function repeatedOption(rawArgs: readonly string[], names: readonly string[]): string[] {
  const values: string[] = [];
  for (const [index, argument] of rawArgs.entries()) {
    for (const name of names) {
      const next = rawArgs[index + 1];
      if (argument === name && next !== undefined) {
        values.push(next);
      } else if (argument.startsWith(`${name}=`)) {
        values.push(argument.slice(name.length + 1));
      }
    }
  }
  return values;
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration with its unit ("250ms", "10m") in milliseconds. Throws CliError naming the option. */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  const unitMs = unitsMs[match?.[2] ?? ""];
  if (match === null || unitMs === undefined) {
    throw new CliError(`${option} is "${text}"; write a number with a unit: ms, s, m, h or d, such as 10s`);
  }
  return Number(match[1]) * unitMs;
}
