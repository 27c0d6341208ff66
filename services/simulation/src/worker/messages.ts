import type { Architecture, Frame, Results } from "@weft/simulator";

/** What a worker is started with. */
export interface WorkerInput {
  readonly architecture: Architecture;
  readonly load: number;
  readonly seed: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly speed: number;
  readonly frameIntervalMs: number;
  /** The simulation's own default when absent. */
  readonly maxRequestsInSystem?: number;
}

/** To the worker. */
export type Command =
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "stop" }
  | { readonly type: "set-load"; readonly load: number };

/** From the worker. After "end" and "failed" nothing comes. */
export type Report =
  | { readonly type: "frame"; readonly frame: Frame }
  | { readonly type: "end"; readonly status: "COMPLETED" | "STOPPED"; readonly results: Results }
  | { readonly type: "failed"; readonly error: string };
