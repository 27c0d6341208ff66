import { readFile } from "node:fs/promises";
import { type ChaosRecord, checkGameDay, diffReports, type GameDay, planOfGameDay } from "@weft/simulator";
import { askBoundary, askChaos, defaultPoolSize, type NamedArchitecture } from "@weft/simulator/studies";
import { defineCommand } from "citty";
import { CliError, describeError } from "../cli-error.ts";
import { commonArgs, repeatedOption } from "../command-line/options.ts";
import { applySetting } from "./apply-setting.ts";
import { assertAffordable, eventsOfStudy } from "./assert-affordable.ts";
import { formatBoundary, formatChaos, formatReportDifference } from "./format-chaos.ts";
import { withProgress } from "./progress.ts";
import { type GameDayFile, gameDayFrom, parseYaml, readGameDayFile } from "./read-game-day.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";
import {
  assertWritable,
  type Format,
  formatFrom,
  numberFrom,
  orCliError,
  replicationsArg,
  setArg,
  titleOf,
  writeAnswer,
  writeResult,
} from "./study-options.ts";

/** How long a single fault is watched when --duration does not say, after its end. */
const usualObservation = 120;

export const simChaosCommand = defineCommand({
  meta: {
    name: "chaos",
    description:
      "Break an architecture on purpose, by a game-day file or a single --fault, and see how likely it recovers, stays " +
      "degraded or stays down (metastable), and how long that takes; each run stands beside the same run without faults. " +
      "`weft sim chaos diff A.json B.json` compares two results of --format json. " +
      "Examples: weft sim chaos examples/coffee-shop.game-day.yaml; " +
      "weft sim chaos shop.yaml --fault retry_storm --on link:api-db --at 60s --for 10s --with retries=3",
  },
  args: {
    file: { type: "positional", description: "The game day; with --fault the architecture; or diff", required: true },
    model: { type: "positional", description: "The architecture, instead of the game day's", required: false },
    other: { type: "positional", description: "With diff: the second result", required: false },
    fault: { type: "string", description: "A single fault of this kind", valueHint: "retry_storm" },
    on: { type: "string", description: "What the fault is on, may be repeated", valueHint: "link:api-db" },
    at: { type: "string", description: "When the fault begins", default: "60s" },
    for: { type: "string", description: "How long it lasts", default: "10s" },
    ramp: { type: "string", description: "How long it grows at its start", valueHint: "5s" },
    with: {
      type: "string",
      description: "A parameter of the fault, such as code=not_found or hotShare=0.3, may be repeated",
      valueHint: "retries=3",
    },
    abort: { type: "string", description: "Ends the fault early", valueHint: "'errors>50% for 10s'" },
    hypothesis: { type: "string", description: "What should hold, may be repeated", valueHint: "'p99<500ms'" },
    boundary: { type: "boolean", description: "Find the load from which on the system stays down" },
    level: { type: "string", description: "The probability that the boundary is of", default: "0.5" },
    precision: { type: "string", description: "How near the ends of the boundary should be", default: "0.05" },
    set: setArg,
    load: { type: "string", description: "Multiplies rates and users, instead of the game day's", valueHint: "1.5" },
    duration: { type: "string", description: "Simulated time of each run, instead of the game day's", valueHint: "3m" },
    warmup: { type: "string", description: "Left out at the start, instead of the game day's", valueHint: "5s" },
    seed: { type: "string", description: "Of the first run, instead of the game day's", valueHint: "1" },
    replications: replicationsArg,
    format: { type: "string", description: "table, json, html", default: "table" },
    output: { type: "string", description: "Write there instead of to standard output", valueHint: "file" },
    ...commonArgs,
  },
  async run({ args, rawArgs }) {
    const format = formatFrom(args.format);
    await assertWritable(args.output);
    if (args.file === "diff") {
      await writeResult(await diff(args.model, args.other, format), args.output);
      return;
    }
    const read = args.fault === undefined ? await readFrom(args) : singleFault(args, rawArgs);
    const gameDay = extended(read.gameDay, rawArgs);
    if (read.model === undefined) {
      throw new CliError(`${args.file} names no model`, {
        next: "write `model: shop.yaml` in it, or give the file after it",
      });
    }
    const { architecture: original, notes } = await readModelFile(read.model);
    const architecture = gameDay.set.reduce(applySetting, original);
    assertRunnable(architecture, gameDay.load, gameDay);
    const issues = checkGameDay(gameDay, architecture);
    if (issues.length > 0) {
      throw new CliError(`this game day cannot be run:${issues.map(({ message }) => `\n  - ${message}`).join("")}`);
    }
    for (const note of notes) process.stderr.write(`note: ${note}\n`);
    const subject = { name: read.title ?? `${gameDay.name}, ${titleOf(read.model)}`, architecture };
    if (args.boundary === true) await tellBoundary(subject, gameDay, args, format);
    else await tellReport(subject, gameDay, args, format);
  },
});

interface Args {
  readonly file: string;
  readonly model?: string | undefined;
  readonly fault?: string | undefined;
  readonly at: string;
  readonly for: string;
  readonly ramp?: string | undefined;
  readonly abort?: string | undefined;
  readonly load?: string | undefined;
  readonly duration?: string | undefined;
  readonly warmup?: string | undefined;
  readonly seed?: string | undefined;
  readonly replications?: string | undefined;
  readonly output?: string | undefined;
  readonly level: string;
  readonly precision: string;
}

type Read = GameDayFile & { readonly title?: string };

async function readFrom(args: Args): Promise<Read> {
  const { gameDay, model } = await readGameDayFile(args.file, overrides(args));
  return { gameDay, model: args.model ?? model };
}

/** What the command line says instead of the file. */
function overrides({ load, duration, warmup, seed, replications }: Args): Record<string, unknown> {
  const numbers = { load, seed, replications };
  const given = Object.entries({ ...numbers, duration, warmup }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, name in numbers ? Number(value) : value]));
}

function singleFault(args: Args, rawArgs: readonly string[]): Read {
  const on = repeatedOption(rawArgs, ["--on"]);
  if (on.length === 0)
    throw new CliError("--on is missing", { next: "say what the fault is on, such as --on link:api-db" });
  const parameters = repeatedOption(rawArgs, ["--with"]).map((text) => {
    const equals = text.indexOf("=");
    if (equals <= 0) throw new CliError(`--with "${text}" is no parameter; write name=value, such as retries=3`);
    return [text.slice(0, equals), parseYaml(text.slice(equals + 1), `--with ${text}`)] as const;
  });
  const { fault: kind, at, for: length, ramp, abort } = args;
  const optional = { ...(ramp === undefined ? {} : { ramp }), ...(abort === undefined ? {} : { abort }) };
  const fault = { kind, on, at, for: length, ...optional, ...Object.fromEntries(parameters) };
  const fields = { version: 1, name: kind, faults: [fault], ...overrides(args) };
  const heading = "this fault cannot be run";
  const first = gameDayFrom(fields, heading);
  const endMs = Math.max(...first.faults.map(({ startMs, durationMs }) => startMs + durationMs));
  const duration = args.duration ?? `${endMs / 1000 + usualObservation}s`;
  const gameDay = gameDayFrom({ ...fields, duration }, heading);
  return { gameDay, model: args.file, title: `${kind} on ${on.join(", ")}, ${titleOf(args.file)}` };
}

/** With the settings and hypotheses of the command line after its own. */
function extended(gameDay: GameDay, rawArgs: readonly string[]): GameDay {
  const set = [...gameDay.set, ...repeatedOption(rawArgs, ["--set"])];
  const more = { ...gameDay, set, hypotheses: [...gameDay.hypotheses, ...repeatedOption(rawArgs, ["--hypothesis"])] };
  orCliError(() => planOfGameDay(more));
  return more;
}

async function tellReport(subject: NamedArchitecture, gameDay: GameDay, args: Args, format: Format): Promise<void> {
  // Each run is made with the faults and without.
  assertAffordable(2 * eventsOfStudy(subject.architecture, gameDay), defaultPoolSize, gameDay);
  const answer = await withProgress((onProgress) => askChaos(subject, gameDay, { onProgress }));
  await writeAnswer(format, answer, () => formatChaos(answer.record, subject.name), args.output);
}

async function tellBoundary(subject: NamedArchitecture, gameDay: GameDay, args: Args, format: Format): Promise<void> {
  const share = { above: 0, below: 1 };
  const question = {
    level: numberFrom("--level", args.level, share),
    relativePrecision: numberFrom("--precision", args.precision, share),
    assertAffordable: (...[version, at]: Parameters<typeof eventsOfStudy>) =>
      assertAffordable(2 * eventsOfStudy(version, at), defaultPoolSize, at),
  };
  const answer = await withProgress((onProgress) => askBoundary(subject, gameDay, question, { onProgress }));
  await writeAnswer(format, answer, () => formatBoundary(answer.boundary, answer.sentence, subject.name), args.output);
}

async function diff(first: string | undefined, second: string | undefined, format: Format): Promise<string> {
  if (first === undefined || second === undefined) {
    throw new CliError("diff takes two results", {
      next: "weft sim chaos diff before.json after.json, made with --format json",
    });
  }
  if (format === "html") throw new CliError("diff has no page; --format takes table or json");
  const difference = diffReports(await readRecord(first), await readRecord(second));
  return format === "json" ? `${JSON.stringify(difference, null, 2)}\n` : formatReportDifference(difference);
}

/** Only its shape at the top is looked at: who writes such files is this command. */
async function readRecord(file: string): Promise<ChaosRecord> {
  let read: Partial<ChaosRecord> | null;
  try {
    read = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${describeError(error)}`, { cause: error });
  }
  const needed = ["gameDay", "verdicts", "figures", "hypotheses", "worst", "aborted", "goodputLost"] as const;
  const missing = needed.find((field) => typeof read?.[field] !== "object");
  if (read === null || missing !== undefined) {
    throw new CliError(`${file} is no result of a game day: ${missing} is missing`, {
      next: "make one with weft sim chaos game-day.yaml --format json --output result.json",
    });
  }
  return read as ChaosRecord;
}
