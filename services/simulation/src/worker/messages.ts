import type { Architecture, Change, Frame, PlannedChange, Results } from "@weft/simulator";

/** A change that takes effect at its time; what becomes of one with a number is told. */
export interface ScheduledChange extends PlannedChange {
  readonly number?: number;
}

/** What became of a change: it took effect, or the simulation found it impossible and nothing changed. */
export type ChangeReport =
  | { readonly type: "applied"; readonly number: number; readonly atMs: number }
  | { readonly type: "refused"; readonly number: number; readonly reason: string };

/** What a worker is started with. */
export interface WorkerInput {
  readonly simulationId: string;
  readonly architecture: Architecture;
  readonly load: number;
  readonly seed: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly speed: number;
  readonly frameIntervalMs: number;
  /** By time. */
  readonly changes: readonly ScheduledChange[];
  /** The simulation's own default when absent. */
  readonly maxRequestsInSystem?: number;
}

/** To the worker. */
export type Command =
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "stop" }
  | { readonly type: "set-load"; readonly load: number }
  /** At once; `number` names it in the report. */
  | { readonly type: "apply"; readonly number: number; readonly change: Change };

/** What a run tells. After "end" and "failed" nothing comes. */
export type Report =
  /** `atMs` is when its figures were put together, on the clock that drives the loop. */
  { readonly type: "frame"; readonly frame: Frame; readonly atMs: number } | ChangeReport | RunEnd;

type RunEnd =
  | { readonly type: "end"; readonly status: "COMPLETED" | "STOPPED"; readonly results: Results }
  | { readonly type: "failed"; readonly error: string };

/** From the worker: frames leave it in the published layout, whose memory is handed over and not copied. */
export type WorkerMessage =
  | { readonly type: "frame"; readonly encoded: Uint8Array }
  /** Some requests from start to end, as `traceMessage` writes them. */
  | { readonly type: "traces"; readonly json: string }
  | ChangeReport
  | RunEnd;
