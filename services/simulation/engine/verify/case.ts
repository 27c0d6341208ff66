/**
 * A case is a model whose answers are known, with the figures to compare: data, so that a case can be read, listed and
 * doubted without running it.
 *
 * The protocol is the same for all. At least 20 replications with fixed seeds are run and their warm-up is dropped. A
 * figure agrees when its mean is within 4 standard errors of the exact value, which a right engine misses once in 15 000
 * times, AND when the standard error is below the precision that the case states, so that agreement cannot come from a
 * run that is too short to disagree. What an answer itself lacks is stated too: `bias` where theory or the histogram is an
 * approximation, `exactError` where the reference was simulated by somebody else.
 */
import type { Architecture } from "../src/architecture.ts";
import type { PlannedChange } from "../src/changes.ts";
import type { Frame } from "../src/frame.ts";
import type { Results } from "../src/results.ts";

export interface Case {
  /** Unique, such as "V07-lognormal"; the part before the dash is the number of the published case. */
  readonly id: string;
  readonly what: string;
  readonly model: Architecture;
  /** A second model, run with the same seeds for as long; figures may compare the two. */
  readonly rival?: Architecture;
  readonly run: RunLength;
  readonly figures: readonly Figure[];
}

export interface RunLength {
  /** Simulated time of one replication, with its warm-up. */
  readonly durationMs: number;
  /** 0 when absent. */
  readonly warmupMs?: number;
  /** 20 when absent, and never fewer. */
  readonly replications?: number;
  /** The length is part of the question, so a quick run keeps it. */
  readonly isFixed?: boolean;
  /** Ascending; each multiplies the workloads from then on. */
  readonly loadChanges?: readonly { readonly atMs: number; readonly load: number }[];
  /** What is done to the system, by replication; made from its number alone, so that it is the same each time. */
  readonly changes?: (replication: number) => readonly PlannedChange[];
  /** Looks at the run at regular times, after every change of load, and ends it at the first at which this holds. */
  readonly watch?: {
    readonly fromMs: number;
    readonly everyMs: number;
    readonly until: (frame: Frame) => boolean;
  };
}

/** What one replication showed. */
export interface Replication {
  readonly results: Results;
  /** Of the rival; the same as `results` for a case without one. */
  readonly rival: Results;
  /** When the watch came true; the duration of the run when it never did. */
  readonly reachedMs: number;
}

export interface Figure {
  readonly name: string;
  /** "" for ratios and counts. */
  readonly unit: string;
  readonly exact: number;
  /** Standard error of `exact` when it comes from a simulation; 0 when absent. */
  readonly exactError?: number;
  /** Largest standard error accepted, relative to `exact`. */
  readonly precision: number;
  /** Systematic difference that is accepted beyond the standard errors, relative to `exact`; 0 when absent. */
  readonly bias?: number;
  readonly read: (replication: Replication) => number;
}

export const leastReplications = 20;
/** Quantiles come from a histogram that is right to 0.4 %. */
export const histogramBias = 0.004;

/** A quick run is a quarter as long, so its standard errors are twice as large, and so is the precision it asks for. */
const quickShare = 0.25;
const quickLooseness = 2;

export function quickened(given: Case): Case {
  const { durationMs, warmupMs = 0, replications = leastReplications, isFixed = false } = given.run;
  return {
    ...given,
    run: {
      ...given.run,
      durationMs: isFixed ? durationMs : warmupMs + (durationMs - warmupMs) * quickShare,
      replications: Math.max(leastReplications, Math.round(replications * quickShare)),
    },
    figures: given.figures.map((figure) => ({ ...figure, precision: figure.precision * quickLooseness })),
  };
}
