/*
 * What a study is: a question about an architecture that takes many simulated runs to answer, and how far its answer is.
 * Times are epoch milliseconds unless their name says otherwise.
 */
import type { Architecture, ElasticityObjective, ElasticityPrices } from "@weft/simulator";

export type StudyStatus = "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED";

const ends: ReadonlySet<StudyStatus> = new Set(["COMPLETED", "FAILED", "CANCELLED"]);

export function hasEnded(status: StudyStatus): boolean {
  return ends.has(status);
}

interface Judged {
  /** "p99<200ms". */
  readonly objectives: readonly string[];
}

interface Priced {
  /** Of one instance for an hour, by component. */
  readonly prices: Readonly<Record<string, number>>;
}

export type Question =
  // Optional: a study that was stored before a run could be judged has neither.
  | ({ readonly kind: "run"; readonly precision?: number } & Partial<Judged & Priced>)
  | ({
      readonly kind: "compare";
      /** "" for the project itself, changed. */
      readonly otherProjectId: string;
      readonly settings: readonly string[];
    } & Judged &
      Priced)
  | ({ readonly kind: "sweep"; readonly vary: string } & Judged & Priced)
  | ({ readonly kind: "capacity"; readonly relativePrecision?: number; readonly highestLoad?: number } & Judged)
  | { readonly kind: "predict" }
  | {
      readonly kind: "chaos";
      /** As in a file; read when the study is prepared. */
      readonly gameDay: object;
      readonly boundaryLevel?: number;
      readonly relativePrecision?: number;
    }
  | {
      readonly kind: "explain";
      readonly objective?: ElasticityObjective;
      /** Of one step of each change, by component. */
      readonly prices: Readonly<Record<string, ElasticityPrices>>;
    };

/** What was asked; what is absent has the simulator's default. */
export interface StudySpec {
  readonly question: Question;
  readonly load?: number;
  readonly durationSeconds?: number;
  readonly warmupSeconds?: number;
  readonly replications?: number;
  readonly seed?: number;
  readonly settings: readonly string[];
}

/** An architecture as it was when the study was started, and how it is called in what is shown. */
export interface StudySubject {
  readonly name: string;
  readonly architecture: Architecture;
}

/** All that it takes to answer. */
export interface StudyTask {
  readonly spec: StudySpec;
  readonly subject: StudySubject;
  /** The second version of a comparison of two projects. */
  readonly other?: StudySubject;
}

export interface Study {
  readonly id: string;
  readonly projectId: string;
  readonly projectVersion: number;
  readonly question: Question["kind"];
  readonly status: StudyStatus;
  /** 0 to 1. */
  readonly progress: number;
  readonly phase: string;
  readonly failureReason: string;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly finishedAtMs: number | undefined;
}

/** A study with what it takes to run it. */
export interface RunnableStudy extends Study {
  readonly task: StudyTask;
}

export interface StudyProgress {
  readonly progress: number;
  readonly phase: string;
}

export type StudyEnd =
  | { readonly status: "COMPLETED"; readonly resultJson: string; readonly report: string | undefined }
  | { readonly status: "CANCELLED" }
  | { readonly status: "FAILED"; readonly error: string };
