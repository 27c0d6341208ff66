/**
 * What a system is asked to keep: `p99<200ms`, `errors<1%`.
 *
 * Two questions are told apart. Whether the objective is met is asked of the mean over the replications, with its interval: it
 * is about the system. How likely one run misses it is asked of the share of replications that missed it, with Wilson's
 * interval (1927): it is about a single hour of that length, and says how often an hour is a bad one even when the mean holds.
 */
import type { ReplicationOutcome } from "../replications/run-replication.ts";
import type { Estimate } from "../replications/study.ts";
import { wilsonInterval } from "../statistics/interval.ts";
import { type SystemFigure, systemFigures } from "./figures.ts";

export interface Objective {
  /** As it was given, without spaces. */
  readonly text: string;
  readonly figure: SystemFigure;
  /** Must not be reached: in ms for latencies, 0 to 1 for errors. */
  readonly limit: number;
}

const allowedFigures = systemFigures.filter(({ better }) => better === "lower");
const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/** Throws RangeError that names the text and what is allowed. `<=` is read as `<`. */
export function parseObjective(given: string): Objective {
  const text = given.replaceAll(/\s/g, "");
  const [, name = "", comparison, amount = "", unit = ""] = /^([^<>=]+)(<=?|>=?|=)([\d.]+)([^\d.]*)$/.exec(text) ?? [];
  if (comparison === undefined) {
    throw new RangeError(`objective "${given}": write a figure, "<" and a limit, such as p99<200ms or errors<1%`);
  }
  const figure = allowedFigures.find((one) => one.name === name.toLowerCase());
  if (figure === undefined) {
    const allowed = allowedFigures.map((one) => one.name).join(", ");
    throw new RangeError(`objective "${given}": there is no figure "${name}"; allowed are ${allowed}`);
  }
  if (!comparison.startsWith("<")) {
    throw new RangeError(
      `objective "${given}": "${comparison}" is not allowed; less is better for ${name}, so write <`,
    );
  }
  const limit = figure.unit === "share" ? shareFrom(given, amount, unit) : millisecondsFrom(given, amount, unit);
  return { text, figure, limit };
}

function millisecondsFrom(given: string, amount: string, unit: string): number {
  const factor = Object.hasOwn(unitMs, unit) ? unitMs[unit] : undefined;
  const limit = Number(amount) * (factor ?? Number.NaN);
  if (limit > 0) return limit;
  throw new RangeError(
    `objective "${given}": the limit "${amount}${unit}" is no time above 0 with a unit: us, ms, s or m, such as 200ms`,
  );
}

function shareFrom(given: string, amount: string, unit: string): number {
  const limit = unit === "%" ? Number(amount) / 100 : unit === "" ? Number(amount) : Number.NaN;
  if (limit > 0 && limit <= 1) return limit;
  throw new RangeError(
    `objective "${given}": the limit "${amount}${unit}" is no share above 0 to 1, such as 1% or 0.01`,
  );
}

/** Whether one replication missed the objective; one that answered nothing well has missed every latency. */
export function isMissed({ figure, limit }: Objective, { results }: Pick<ReplicationOutcome, "results">): boolean {
  const value = figure.read(results);
  return value === undefined || value >= limit;
}

/** Probability that a run of this length misses the objective: the share that did, with Wilson's 95 % interval. */
export function missProbability(
  objective: Objective,
  outcomes: readonly Pick<ReplicationOutcome, "results">[],
): Estimate {
  return wilsonInterval(outcomes.filter((outcome) => isMissed(objective, outcome)).length, outcomes.length);
}
