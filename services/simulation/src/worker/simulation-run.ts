/**
 * One run in a worker thread, as its owner sees it: start it, steer it, hear its frames and its end.
 *
 * A run ends exactly once, however it ends: with results (COMPLETED, STOPPED) or a reason (FAILED). A worker that throws,
 * exits or runs out of memory is a FAILED run, never a silent one. Stopping asks the worker for the results so far; one
 * that does not answer in time is ended without them. `onEnd` comes after the thread is gone.
 */

import { Worker } from "node:worker_threads";
import {
  type Architecture,
  assertSimulationOptions,
  type Change,
  checkChange,
  checkLoad,
  compileModel,
  ModelError,
  type ModelIssue,
  type Results,
} from "@weft/simulator";
import { decodeFrame } from "@weft/simulator/frames";
import type { ShownFrame } from "../domain/lifecycle/ports.ts";
import { mostFramesPerSecond } from "./frame-rate.ts";
import type { ChangeReport, Command, ScheduledChange, WorkerInput, WorkerMessage } from "./messages.ts";

export interface RunOutcome {
  readonly status: "COMPLETED" | "STOPPED" | "FAILED";
  /** Of COMPLETED runs always, of STOPPED ones unless the worker did not answer. */
  readonly results?: Results;
  /** Why it FAILED. */
  readonly error?: string;
}

export interface RunOptions {
  /** What its frames say they are of; "" when absent. */
  readonly simulationId?: string;
  readonly architecture: Architecture;
  /** Multiplies rates and users from the start; 0 to 10000. */
  readonly load: number;
  /** A whole number of 32 bits. */
  readonly seed: number;
  /** Simulated time; above 0 to one week. */
  readonly durationSeconds: number;
  /** Simulated time per wall time: 0 as fast as possible, 1 real time; at most 100000. */
  readonly speed: number;
  /** Frames per wall second at most; above 0 to 60, which is the default. */
  readonly frameRateHz?: number;
  /** Left out of the results at the start; 0 by default. */
  readonly warmupSeconds?: number;
  /** Requests in the system at once at which the run fails; 1 million by default. */
  readonly maxRequestsInSystem?: number;
  /** What happens to the system, in any order; those of one moment take effect in the order given. None when absent. */
  readonly changes?: readonly ScheduledChange[];
  readonly onFrame: (frame: ShownFrame) => void;
  readonly onEnd: (outcome: RunOutcome) => void;
  /** Hears of some requests from start to end, ten times a second at most, as JSON that is published as it is. */
  readonly onTraces?: (json: string) => void;
  /** Hears what became of changes that have a number. */
  readonly onChange?: (report: ChangeReport) => void;
  /** Another program for the thread, which speaks `messages.ts`; the simulation worker by default. */
  readonly workerUrl?: URL;
}

export type RunStatus = "RUNNING" | "PAUSED" | RunOutcome["status"];

const highestSpeed = 100_000;
/** A slice takes milliseconds; a worker silent for this long is stuck or starved. */
const stopGraceMs = 3000;

/**
 * Starts a run. Throws ModelError, with every issue, when the architecture or an option cannot be run; what goes wrong
 * later ends the run as FAILED.
 */
export function startRun(options: RunOptions): SimulationRun {
  return new SimulationRun(options);
}

/** A run that goes on or has ended. Commands to an ended run do nothing. */
export class SimulationRun {
  readonly #options: RunOptions;
  readonly #worker: Worker;
  #status: RunStatus = "RUNNING";
  #hasEnded = false;
  #stopTimer: NodeJS.Timeout | undefined;

  constructor(options: RunOptions) {
    const input = workerInput(options);
    this.#options = options;
    this.#worker = new Worker(options.workerUrl ?? new URL("./simulation-worker.ts", import.meta.url), {
      name: "simulation",
      workerData: input,
      env: {},
      // Running TypeScript unbuilt makes every thread print a warning otherwise.
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    this.#worker.on("message", (report: WorkerMessage) => this.#onReport(report));
    this.#worker.on("error", (error) =>
      this.#end({ status: "FAILED", error: `the worker failed: ${messageOf(error)}` }),
    );
    this.#worker.on("messageerror", (error) =>
      this.#end({ status: "FAILED", error: `the worker sent what cannot be read: ${messageOf(error)}` }),
    );
    this.#worker.on("exit", (code) =>
      this.#end({ status: "FAILED", error: `the worker exited with code ${code} before the run ended` }),
    );
  }

  get status(): RunStatus {
    return this.#status;
  }

  /** Simulated time stands still until `resume`. */
  pause(): void {
    if (this.#status !== "RUNNING") return;
    this.#status = "PAUSED";
    this.#send({ type: "pause" });
  }

  resume(): void {
    if (this.#status !== "PAUSED") return;
    this.#status = "RUNNING";
    this.#send({ type: "resume" });
  }

  /** Ends the run as STOPPED, with the results so far. */
  stop(): void {
    if (this.#hasEnded || this.#stopTimer !== undefined) return;
    this.#send({ type: "stop" });
    this.#stopTimer = setTimeout(() => this.#end({ status: "STOPPED" }), stopGraceMs);
  }

  /** Multiplies every workload by this from now on. Throws ModelError when a workload would exceed its limit. */
  setLoad(load: number): void {
    const issues = checkLoad(this.#options.architecture.workloads, load);
    if (issues.length > 0) throw new ModelError(issues);
    this.#send({ type: "set-load", load });
  }

  /** Lets a change happen as soon as possible; `onChange` hears what became of it. */
  apply(number: number, change: Change): void {
    this.#send({ type: "apply", number, change });
  }

  #send(command: Command): void {
    if (!this.#hasEnded) this.#worker.postMessage(command);
  }

  #onReport(report: WorkerMessage): void {
    if (this.#hasEnded) return;
    if (report.type === "frame") this.#options.onFrame(shownFrame(report.encoded));
    else if (report.type === "traces") this.#options.onTraces?.(report.json);
    else if (report.type === "applied" || report.type === "refused") this.#options.onChange?.(report);
    else if (report.type === "end") this.#end({ status: report.status, results: report.results });
    else this.#end({ status: "FAILED", error: report.error });
  }

  #end(outcome: RunOutcome): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#status = outcome.status;
    clearTimeout(this.#stopTimer);
    void this.#worker.terminate().then(() => this.#options.onEnd(outcome));
  }
}

function workerInput(options: RunOptions): WorkerInput {
  const { simulationId = "", architecture, load, seed, speed, frameRateHz = mostFramesPerSecond } = options;
  const issues: ModelIssue[] = [];
  if (!(speed >= 0 && speed <= highestSpeed)) {
    issues.push({ field: "speed", message: `speed is ${speed}; allowed is 0 to ${highestSpeed}` });
  }
  if (!(frameRateHz > 0 && frameRateHz <= mostFramesPerSecond)) {
    const allowed = `above 0 and at most ${mostFramesPerSecond}`;
    issues.push({ field: "frameRateHz", message: `frameRateHz is ${frameRateHz}; allowed is ${allowed}` });
  }
  if (issues.length > 0) throw new ModelError(issues);
  const limits = {
    seed,
    durationMs: options.durationSeconds * 1000,
    warmupMs: (options.warmupSeconds ?? 0) * 1000,
    ...(options.maxRequestsInSystem === undefined ? {} : { maxRequestsInSystem: options.maxRequestsInSystem }),
  };
  assertSimulationOptions(limits);
  const model = compileModel(architecture, { load });
  const changes = [...(options.changes ?? [])].sort((one, other) => one.atMs - other.atMs);
  const impossible = changes.flatMap(({ change }) => checkChange(change, model));
  if (impossible.length > 0) throw new ModelError(impossible);
  return { simulationId, architecture, load, speed, frameIntervalMs: 1000 / frameRateHz, changes, ...limits };
}

/** The figures, for those who compute with them, and the bytes, for those who pass them on. */
function shownFrame(encoded: Uint8Array): ShownFrame {
  return { ...decodeFrame(encoded).frame, encoded };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
