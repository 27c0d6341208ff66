/**
 * What the questions have in common: where they run, who hears how far they are, and what comes of them. The result is plain
 * data, the same for everybody who asks; what JSON has no word for (an endless load) is null there.
 */
import type { Architecture } from "../src/index.ts";
import { defaultPoolSize } from "./replication-pool.ts";
import { pilots, type Report, type StudyPlan } from "./run-study.ts";

export interface StudyHost {
  /** Threads that run replications at once; all processors but one when absent. The answer does not depend on it. */
  readonly threads?: number;
  readonly onProgress: Report;
}

export interface StudyAnswer {
  readonly result: object;
  /** An HTML document that stands alone. */
  readonly renderPage: () => Promise<string>;
}

/** An architecture, and how it is called in what is shown. */
export interface NamedArchitecture {
  readonly name: string;
  readonly architecture: Architecture;
}

export function threadsOf({ threads = defaultPoolSize }: StudyHost): number {
  return threads;
}

/** Replications of one study, its pilots included. */
export function replicationsOf({ replications, warmupMs }: StudyPlan): number {
  return replications + (warmupMs === undefined ? Math.min(pilots, replications) : 0);
}
