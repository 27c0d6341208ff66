/*
 * What the rules about simulations need from outside, and the records they work on. Times are epoch milliseconds.
 */
import type { Architecture, Change, Frame, PlannedChange, Results } from "@weft/simulator";
import type { MetricPoint } from "./metric-series.ts";
import type { Command, Status } from "./transitions.ts";

export interface Caller {
  readonly userId: string;
}

export interface Simulation {
  readonly id: string;
  readonly projectId: string;
  readonly projectVersion: number;
  readonly status: Status;
  readonly durationSeconds: number;
  readonly seed: number;
  readonly speed: number;
  readonly load: number;
  readonly simulatedSeconds: number;
  readonly failureReason: string;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly startedAtMs: number | undefined;
  readonly finishedAtMs: number | undefined;
}

/** A simulation with what it takes to run it. */
export interface RunnableSimulation extends Simulation {
  readonly architecture: Architecture;
  /** Planned when it was started. */
  readonly changes: readonly PlannedChange[];
  /** Asked for since then, by number. */
  readonly liveChanges: readonly LiveChange[];
}

/** A change that was asked for after the start. */
export interface LiveChange {
  /** From 1, in the order in which they were asked for. */
  readonly number: number;
  readonly change: Change;
  /** When it took effect, in simulated ms; undefined while it has not. */
  readonly atMs: number | undefined;
}

/** What became of a change: when it took effect, in simulated ms, or why it could not. */
export type ChangeOutcome = { readonly atMs: number } | { readonly refusal: string };

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | undefined;
}

export interface SimulationStore {
  create(simulation: RunnableSimulation): Promise<void>;
  find(id: string): Promise<Simulation | undefined>;
  architecture(id: string): Promise<Architecture | undefined>;
  /** How many of the user's have not ended. */
  countUnfinished(userId: string): Promise<number>;
  results(id: string): Promise<Results | undefined>;
  list(projectId: string, pageSize: number, after: string | undefined): Promise<Page<Simulation>>;
  /**
   * Takes a PENDING one for this instance, if any; no two instances take the same. Whoever has the fewest running goes
   * first, then the oldest. Metrics of an earlier attempt go with it.
   */
  claim(runner: string, atMs: number): Promise<RunnableSimulation | undefined>;
  /**
   * Says that the runs go on, and how far they are. Answers those that are still this instance's, with their load and
   * whether there are changes of which nothing is known yet.
   */
  heartbeat(
    runner: string,
    progress: readonly { id: string; simulatedSeconds: number }[],
  ): Promise<readonly { id: string; load: number; hasWaitingChanges: boolean }[]>;
  /**
   * Gives runs whose instance has been silent back to PENDING; those given back too often end as FAILED. Answers them as
   * they are now. The store's own clock says what is silent, since those of instances may differ.
   */
  releaseSilent(silenceMs: number, maxAttempts: number, atMs: number): Promise<readonly Simulation[]>;
  /** Gives this instance's runs back to PENDING. */
  release(ids: readonly string[], runner: string): Promise<void>;
  setStatus(id: string, runner: string, status: "RUNNING" | "PAUSED"): Promise<void>;
  /** False: it has ended. */
  setLoad(id: string, load: number): Promise<boolean>;
  /** Keeps a change for whoever runs it. Answers its number; undefined: it has ended, or has `most` of them. */
  addChange(id: string, change: Change, most: number): Promise<number | undefined>;
  /** Undefined while nothing is known. */
  changeOutcome(id: string, number: number): Promise<ChangeOutcome | undefined>;
  /** Those of which nothing is known yet, by number; none when the run is not this instance's. */
  waitingChanges(id: string, runner: string): Promise<readonly LiveChange[]>;
  /** Does nothing when the run is not this instance's, or when an outcome is known. */
  settleChange(id: string, runner: string, number: number, outcome: ChangeOutcome): Promise<void>;
  /** False, and nothing changes: it is not this instance's. Saying the same again is no error. */
  finish(
    id: string,
    runner: string,
    end: {
      status: Status;
      simulatedSeconds: number;
      failureReason: string;
      results: Results | undefined;
      atMs: number;
    },
  ): Promise<boolean>;
  /** Ends one that no instance runs. Whether it was PENDING. */
  cancelPending(id: string, atMs: number): Promise<boolean>;
  /** Does nothing when the run is not this instance's. */
  addMetrics(id: string, runner: string, points: readonly MetricPoint[]): Promise<void>;
  metrics(id: string, component: string): Promise<readonly MetricPoint[]>;
  /** Removes finished simulations and their metrics. Answers how many. */
  removeFinishedBefore(atMs: number, most: number): Promise<number>;
  /** Removes finished simulations, and their metrics, that are not among their project's newest. Answers how many. */
  removeFinishedBeyond(keptPerProject: number, most: number): Promise<number>;
  /** Projects with simulations that have not ended. */
  unfinishedProjects(): Promise<readonly string[]>;
  /** Ends those of a project that have not ended, whoever runs them. Answers them as they are now. */
  stopOfProject(projectId: string, reason: string, atMs: number): Promise<readonly Simulation[]>;
}

/** A frame as an engine shows it. */
export interface ShownFrame extends Frame {
  /** The same in the published layout, where the engine has made it already; sequence and status may differ. */
  readonly encoded?: Uint8Array;
}

/** The engine that does the work, replaceable (SIM-05). */
export interface Engine {
  /** Refuses, by throwing SimulationError, what cannot be simulated; `durationSeconds` bounds the work. */
  check(
    architecture: Architecture,
    options: { load: number; durationSeconds: number; changes?: readonly PlannedChange[] },
  ): void;
  /** Refuses, in the same way, a change that is impossible in a run that may last so much longer. */
  checkChange(architecture: Architecture, change: Change, options: { load: number; durationSeconds: number }): void;
  /** Live changes that are known take effect when they did, others at the start. `onChange` hears of those by number. */
  start(
    run: RunnableSimulation,
    listener: {
      onFrame: (frame: ShownFrame) => void;
      /** Some requests from start to end, for who draws them; JSON that nobody here reads. */
      onTraces: (json: string) => void;
      onChange: (number: number, outcome: ChangeOutcome) => void;
      onEnd: (end: RunEnd) => void;
    },
  ): EngineRun;
}

export interface EngineRun {
  pause(): void;
  resume(): void;
  stop(): void;
  setLoad(load: number): void;
  /** Lets a change happen as soon as possible. */
  apply(number: number, change: Change): void;
}

export interface RunEnd {
  readonly status: "COMPLETED" | "STOPPED" | "FAILED";
  readonly results?: Results | undefined;
  readonly error?: string | undefined;
}

export type SimulationPermission = "simulation.read" | "simulation.run";

/** The auth service. `role` is "" for somebody who has none on the project. */
export interface Access {
  check(
    userId: string,
    permission: SimulationPermission,
    projectId: string,
  ): Promise<{ allowed: boolean; role: string }>;
  /** Whether anybody has a role on the project. */
  anybodyOn(projectId: string): Promise<boolean>;
}

/** The project service, asked with the caller's own rights. Undefined when they may not see the project. */
export interface ProjectReader {
  read(projectId: string): Promise<{ version: number; architecture: Architecture } | undefined>;
}

export interface ControlMessage {
  readonly id: string;
  readonly command: Command;
  readonly load?: number;
}

/** Carries commands to the instance that runs a simulation; one may be lost on its way. */
export interface Control {
  send(message: ControlMessage): Promise<void>;
  /** To every instance, the sender included. */
  onCommand(listener: (message: ControlMessage) => void): void;
  /** A new PENDING simulation. */
  onPending(listener: () => void): void;
  announcePending(): Promise<void>;
}

/** Live frames for whoever watches; at most once. */
export interface FrameFeed {
  publish(simulation: Simulation, status: Status, frame: ShownFrame): void;
  publishTraces(simulation: Simulation, json: string): void;
}
