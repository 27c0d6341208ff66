import { parseArgs } from "node:util";

/** What every script of this folder takes. */
export interface BenchArguments {
  /** One JSON object on standard output and nothing else there. */
  readonly json: boolean;
  /** A first look, under 50 s. */
  readonly quick: boolean;
  /** Whether the results are written to a file and a page. */
  readonly write: boolean;
  readonly help: boolean;
  /** For bench:baseline: the ratios of this run become the baseline. */
  readonly update: boolean;
  /** Parts of scenario ids; all scenarios when empty. */
  readonly only: readonly string[];
}

export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Throws UsageError for what it does not know. */
export function parseBenchArguments(args: readonly string[]): BenchArguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      options: {
        json: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        "no-write": { type: "boolean", default: false },
        update: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        only: { type: "string", multiple: true, default: [] },
      },
    });
    const only = values.only.flatMap((text) => text.split(",")).filter((part) => part !== "");
    const { json, quick, help, update } = values;
    return { json, quick, write: !values["no-write"], help, update, only };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export function usage(script: string, what: string): string {
  return `npm run ${script} -- [options]

${what}

  --quick        a first look in under 50 s
  --json         one JSON object on standard output: {"machine", "rows"}
  --no-write     leave loadtest/results/ alone
  --only <part>  only scenarios whose id contains this; may be repeated
  --help         this text`;
}
