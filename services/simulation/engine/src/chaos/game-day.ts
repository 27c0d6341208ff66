/**
 * Game days: experiments as files that can be kept, replayed and compared. Here the parsed file (of YAML or JSON, whoever parsed
 * it) becomes a `GameDay`, with everything that is wrong said at once.
 *
 * In a file, durations have their unit ("10s"), and a field whose name ends in "Ms" is written without it: `backoff: 100ms`. `at`,
 * `for` and `ramp` stand for the three times of a fault, `on` may be one target, `extra: 80ms` is a constant delay, and an
 * abort rule is a sentence, "errors>50% for 10s". Numbers in ms under their full names are taken as well.
 */
import type { Architecture } from "../architecture.ts";
import { ModelError, type ModelIssue } from "../model-error.ts";
import { numberIssues } from "../option-issues.ts";
import { type Objective, parseObjective } from "../what-if/objective.ts";
import type { ChaosPlan } from "./experiment.ts";
import { longestMs } from "./family.ts";
import type { Fault } from "./fault.ts";
import { checkFaults, planFaults } from "./plan-faults.ts";
import { readDuration, readFault, type Unknown } from "./read-fault.ts";
import { usualStepMs, windowOf } from "./run-chaos.ts";
import { defaultBand, leastBaselineSteps, leastObservationMs, type RecoveryBand } from "./verdict.ts";

export interface GameDay {
  readonly version: 1;
  readonly name: string;
  readonly description?: string;
  /** The file of the architecture, beside the game day's. */
  readonly model?: string;
  /** Settings of the architecture that are changed first, such as "checkout.instances=4". */
  readonly set: readonly string[];
  /** 1 when absent in the file, as every field below has its default. */
  readonly load: number;
  readonly durationMs: number;
  /** A tenth of the time before the first fault when absent. */
  readonly warmupMs: number;
  readonly seed: number;
  readonly replications: number;
  readonly stepMs: number;
  readonly band: RecoveryBand;
  readonly hypotheses: readonly string[];
  readonly faults: readonly Fault[];
}

const fields = [
  "version",
  "name",
  "description",
  "model",
  "load",
  "duration",
  "warmup",
  "seed",
  "replications",
  "step",
];
const lists = ["set", "hypotheses", "faults", "band"];
const defaultDurationMs = 120_000;
const defaultReplications = 20;
const mostSteps = 20_000;
const mostFaults = 100;

/** Throws ModelError with everything that is wrong with the file by itself. */
export function readGameDay(data: unknown): GameDay {
  const issues: ModelIssue[] = [];
  const refuse = (field: string, message: string) => issues.push({ field, message: `game day: ${message}` });
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new ModelError([
      { field: "", message: `game day: allowed are fields (${[...fields, ...lists].join(", ")})` },
    ]);
  }
  const given = data as Unknown;
  for (const field of Object.keys(given)) {
    const known = [...fields, ...lists, ...["duration", "warmup", "step"].map((name) => `${name}Ms`)];
    if (!known.includes(field))
      refuse(field, `${field} is no field of it; allowed are ${[...fields, ...lists].join(", ")}`);
  }
  if (given.version !== 1) refuse("version", `version is ${given.version}; allowed is 1`);
  const duration = (name: string, otherwise: number): number => {
    const value = readDuration(given[name] ?? given[`${name}Ms`] ?? otherwise);
    if (typeof value === "number" && value >= 0 && value <= longestMs) return value;
    refuse(name, `${name} is ${JSON.stringify(given[name])}; write a number with a unit: ms, s, m or h, such as 90s`);
    return otherwise;
  };
  const list = (name: string): readonly unknown[] => {
    const value = given[name] ?? [];
    if (Array.isArray(value) && value.length <= mostFaults) return value;
    refuse(name, `${name} must be a list of at most ${mostFaults}`);
    return [];
  };
  const faults = list("faults").flatMap((fault, index) => readFault(fault, index, issues));
  const hypotheses = list("hypotheses").map(String);
  for (const text of hypotheses) objectiveOf(text, refuse);
  const durationMs = duration("duration", defaultDurationMs);
  const starts = faults.map(({ startMs }) => startMs).filter(Number.isFinite);
  const { load = 1, seed = 1, replications = defaultReplications } = given as Partial<GameDay>;
  const numbers = { load, seed, replications };
  for (const { field, message } of numberIssues(numbers, {
    load: { minimum: 0, maximum: 10_000, isAbove: true },
    seed: { minimum: 0, maximum: 2 ** 32 - 1, isWhole: true },
    replications: { minimum: 1, maximum: 10_000, isWhole: true },
  })) {
    refuse(field, message);
  }
  const text = (name: string): string | undefined => (given[name] === undefined ? undefined : String(given[name]));
  const [description, model] = [text("description"), text("model")];
  const gameDay: GameDay = {
    version: 1,
    name: text("name") ?? "Game day",
    ...(description === undefined ? {} : { description }),
    ...(model === undefined ? {} : { model }),
    set: list("set").map(String),
    ...numbers,
    durationMs,
    warmupMs: duration("warmup", Math.round(Math.min(durationMs, ...starts) / 10)),
    stepMs: duration("step", usualStepMs(durationMs)),
    band: readBand(given.band, refuse),
    hypotheses,
    faults,
  };
  if (issues.length > 0) throw new ModelError(issues);
  return gameDay;
}

/** Everything that is wrong with a game day on this architecture; empty when nothing is. */
export function checkGameDay(gameDay: GameDay, architecture: Architecture): ModelIssue[] {
  const { faults, durationMs, warmupMs, stepMs, band } = gameDay;
  const issues = checkFaults(faults, architecture);
  const refuse = (field: string, message: string) => issues.push({ field, message: `game day: ${message}` });
  const inSeconds = (ms: number) => `${Number((ms / 1000).toFixed(3))} s`;
  if (!(stepMs > 0 && durationMs / stepMs <= mostSteps)) {
    refuse(
      "step",
      `step is ${stepMs} ms; allowed is ${durationMs / mostSteps} ms to a tenth of the time before the first fault`,
    );
  }
  if (faults.length === 0) refuse("faults", "faults are missing; at least one is needed");
  if (issues.length > 0) return issues;
  const { fromMs, toMs } = windowOf(faults, warmupMs);
  if (fromMs < warmupMs + leastBaselineSteps * stepMs) {
    const leastMs = warmupMs + leastBaselineSteps * stepMs;
    refuse(
      "at",
      `the first fault begins at ${inSeconds(fromMs)}; allowed is from ${inSeconds(leastMs)}, for a baseline after the warm-up`,
    );
  }
  const neededMs = toMs + leastObservationMs(band);
  if (durationMs < neededMs) {
    refuse(
      "duration",
      `duration is ${inSeconds(durationMs)}; allowed is from ${inSeconds(neededMs)}, three times band.settle after the last fault`,
    );
  }
  try {
    planFaults(faults, architecture);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    issues.push(...error.issues);
  }
  return issues;
}

/** What is run of it. */
export function planOfGameDay({
  faults,
  load,
  durationMs,
  warmupMs,
  seed,
  replications,
  stepMs,
  band,
  hypotheses,
}: GameDay): ChaosPlan {
  const objectives = hypotheses.map(parseObjective);
  return { faults, load, durationMs, warmupMs, seed, replications, stepMs, band, hypotheses: objectives };
}

function objectiveOf(text: string, refuse: (field: string, message: string) => void): Objective | undefined {
  try {
    return parseObjective(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    refuse("hypotheses", error.message);
    return undefined;
  }
}

function readBand(given: unknown, refuse: (field: string, message: string) => void): RecoveryBand {
  if (given === undefined) return defaultBand;
  if (typeof given !== "object" || given === null) {
    refuse("band", "band must have fields: errors, latency, goodput, settle");
    return defaultBand;
  }
  const { settle, ...shares } = given as Unknown;
  const settleMs = readDuration(settle ?? shares.settleMs ?? defaultBand.settleMs);
  const band = { ...defaultBand, ...shares, settleMs: typeof settleMs === "number" ? settleMs : Number.NaN };
  const unknown = Object.keys(band).find((field) => !Object.hasOwn(defaultBand, field));
  if (unknown !== undefined)
    refuse(`band.${unknown}`, `band.${unknown} is no field; allowed are errors, latency, goodput, settle`);
  for (const { field, message } of numberIssues(
    band,
    {
      errors: { minimum: 0, maximum: 1 },
      latency: { minimum: 0, maximum: 1000 },
      goodput: { minimum: 0, maximum: 1 },
      settleMs: { minimum: 0, maximum: longestMs, isAbove: true },
    },
    "band.",
  )) {
    refuse(field, message);
  }
  return band;
}
