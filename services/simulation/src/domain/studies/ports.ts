/* What the rules about studies need from outside; access and control are those of simulations. */
import type { Architecture } from "@weft/simulator";
import type { Page } from "../lifecycle/ports.ts";
import type { RunnableStudy, Study, StudyEnd, StudyProgress, StudyTask } from "./study.ts";

export interface StudyStore {
  create(study: RunnableStudy): Promise<void>;
  find(id: string): Promise<Study | undefined>;
  list(projectId: string, pageSize: number, after: string | undefined): Promise<Page<Study>>;
  /** How many of the user's have not ended. */
  countUnfinished(userId: string): Promise<number>;
  /** JSON; undefined unless it is COMPLETED. */
  result(id: string): Promise<string | undefined>;
  /** HTML; undefined unless it is COMPLETED and its question has one. */
  report(id: string): Promise<string | undefined>;
  /**
   * Takes a PENDING one for this instance, if any; no two instances take the same. Whoever has the fewest running goes
   * first, then the oldest.
   */
  claim(runner: string, atMs: number): Promise<RunnableStudy | undefined>;
  /** Says that the studies go on, and how far they are. Answers the ids of those that are still this instance's. */
  heartbeat(runner: string, progress: readonly ({ id: string } & StudyProgress)[]): Promise<readonly string[]>;
  /**
   * Gives studies whose instance has been silent back to PENDING; those given back too often end as FAILED. Whether any is
   * PENDING by that. The store's own clock says what is silent.
   */
  releaseSilent(silenceMs: number, maxAttempts: number, atMs: number): Promise<boolean>;
  /** Gives this instance's studies back to PENDING. */
  release(ids: readonly string[], runner: string): Promise<void>;
  /** False, and nothing changes: it is not this instance's. Saying the same again is no error. */
  finish(id: string, runner: string, end: StudyEnd, atMs: number): Promise<boolean>;
  /** Ends one that no instance runs. Whether it was PENDING. */
  cancelPending(id: string, atMs: number): Promise<boolean>;
  /** Removes ended studies. Answers how many. */
  removeFinishedBefore(atMs: number, most: number): Promise<number>;
  /** Removes ended studies that are not among their project's newest. Answers how many. */
  removeFinishedBeyond(keptPerProject: number, most: number): Promise<number>;
  /** Projects with studies that have not ended. */
  unfinishedProjects(): Promise<readonly string[]>;
  /** Ends those of a project that have not ended, whoever runs them. */
  cancelOfProject(projectId: string, reason: string, atMs: number): Promise<void>;
}

/** Who does the work, replaceable. */
export interface StudyEngine {
  /**
   * Refuses, by throwing SimulationError, what cannot be asked. What takes long to find out is found out when the study runs:
   * it is FAILED then.
   */
  check(task: StudyTask): Promise<void>;
  /** Throws when it cannot be started at all. `onEnd` is called once, unless it was cancelled. */
  start(
    task: StudyTask,
    listener: { onProgress: (progress: StudyProgress) => void; onEnd: (end: StudyEnd) => void },
  ): RunningStudy;
}

export interface RunningStudy {
  /** Ends all its threads at once; nothing is heard of it any more. */
  cancel(): void;
}

/** The project service, asked with the caller's own rights. Undefined when they may not see the project. */
export interface NamedProjectReader {
  read(
    projectId: string,
  ): Promise<{ readonly name: string; readonly version: number; readonly architecture: Architecture } | undefined>;
}
