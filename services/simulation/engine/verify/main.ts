/*
 * npm run verify:simulation: the engine against exact answers, and what must hold of any run. The scoreboard goes to
 * standard output, progress to standard error; the exit code is 1 when a case fails and 2 when it was called wrongly.
 */
import { parseArgs } from "node:util";
import { renderScoreboard } from "./scoreboard.ts";
import { type Verification, type VerificationOptions, verify } from "./verification.ts";

const usage = `npm run verify:simulation -- [options]

Runs the simulator on cases whose answers are known exactly, and checks what must hold of every run.

  --only <part>  only cases and properties whose id contains this; may be repeated, or a list with commas
  --quick        runs of a quarter of the length, with twice the precision that is asked
  --json         one JSON object on standard output: {"ok", "figures", "properties"}
  --help         this text`;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const options = optionsFrom(argv);
  if (typeof options === "string") {
    console.error(options);
    return 2;
  }
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const startedMs = performance.now();
  const verification = await verify({ ...options, workers: 2, onProgress: progress() });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (verification.figures.length + verification.properties.length === 0) {
    console.error(`no case or property has ${options.only.join(" or ")} in its id`);
    return 2;
  }
  console.log(options.json ? JSON.stringify(verification) : `${renderScoreboard(verification)}, in ${seconds} s`);
  return exitCodeOf(verification);
}

function exitCodeOf({ ok }: Verification): number {
  return ok ? 0 : 1;
}

type Arguments = Pick<VerificationOptions, "only" | "isQuick"> & { readonly json: boolean; readonly help: boolean };

/** What was wrong with them, when they are. */
function optionsFrom(argv: readonly string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      strict: true,
      options: {
        json: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        only: { type: "string", multiple: true, default: [] },
      },
    });
    const only = values.only.flatMap((text) => text.split(",")).filter((part) => part !== "");
    return { only, isQuick: values.quick, json: values.json, help: values.help };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${usage}`;
  }
}

/** One line that is written over on a terminal; elsewhere a line for every tenth of the way. */
function progress(): NonNullable<VerificationOptions["onProgress"]> {
  let tenths = 0;
  return (done, all, id) => {
    const line = `${String(Math.floor((done / all) * 100)).padStart(3)} %  ${done} of ${all}  ${id}`;
    if (process.stderr.isTTY) {
      process.stderr.write(`\r${line.padEnd(60)}${done === all ? "\n" : ""}`);
    } else if (Math.floor((done / all) * 10) > tenths) {
      tenths = Math.floor((done / all) * 10);
      process.stderr.write(`${line}\n`);
    }
  };
}
