/**
 * Drives a simulation through wall time inside its worker: slices, frames, commands.
 *
 * A slice lasts a few milliseconds at most and then gives the thread back, so commands are handled promptly however heavy
 * the model is. A run that is ahead of its pace sleeps until the next frame is due; one that is behind goes on at once.
 * Commands take effect between slices, at a simulated time whose events are all done. Pausing and ending send a frame
 * outside the rhythm, so that viewers see the state as it stays.
 *
 * Planned changes are made here and not in the simulation's queue, where they would be events and come before the others of
 * their moment: made like commands, at a time whose events are all done, they repeat to the last event what commands did at
 * the same simulated times. One that has become impossible (a load times a workload's own factor may be too much) is left
 * out, and the results do not list it.
 */

import { type Change, ModelError, type Simulation, TooManyRequestsError } from "@weft/simulator";
import type { Command, Report, ScheduledChange } from "./messages.ts";
import { achievedSpeed, nextFrameDueMs, type Pace, planSlice, startPace } from "./pace.ts";

export interface RunLoopOptions {
  readonly simulation: Simulation;
  readonly speed: number;
  readonly frameIntervalMs: number;
  /** By time; none when absent. */
  readonly changes?: readonly ScheduledChange[];
  /** Wall time in milliseconds, monotonic. */
  readonly now: () => number;
  /** Calls back after the delay, or as soon as waiting commands were handled for 0. Answers how to call it off. */
  readonly schedule: (callback: () => void, delayMs: number) => () => void;
  readonly report: (report: Report) => void;
}

const sliceMs = 4;
/** Keeps the pace when frames are rare. */
const longestSleepMs = 50;
/** Some tenths of a millisecond: how exactly `sliceMs` is kept. */
const eventsPerCheck = 1000;

export class RunLoop {
  readonly #options: RunLoopOptions;
  #pace: Pace;
  #frameDueMs: number;
  #framedWallMs: number;
  #framedSimulatedMs = 0;
  #callOff: (() => void) | undefined;
  #changesMade = 0;
  #state: "running" | "paused" | "ended" = "running";

  constructor(options: RunLoopOptions) {
    const nowMs = options.now();
    this.#options = options;
    this.#pace = startPace(options.speed, nowMs, 0);
    this.#frameDueMs = nowMs + options.frameIntervalMs;
    this.#framedWallMs = nowMs;
    this.#callOff = options.schedule(() => this.#step(), 0);
  }

  handle(command: Command): void {
    if (this.#state === "ended") return;
    if (command.type === "pause") this.#pause();
    else if (command.type === "resume") this.#resume();
    else if (command.type === "stop") this.#end("STOPPED");
    else if (command.type === "apply") this.#unlessOverflows(() => this.#change(command.change, command.number));
    else this.#unlessOverflows(() => this.#change({ kind: "load", load: command.load }));
  }

  #pause(): void {
    if (this.#state === "paused") return;
    this.#state = "paused";
    this.#callOff?.();
    this.#sendFrame();
  }

  #resume(): void {
    if (this.#state === "running") return;
    const { simulation, speed, now, schedule } = this.#options;
    this.#state = "running";
    this.#pace = startPace(speed, now(), simulation.nowMs);
    this.#framedWallMs = now();
    this.#callOff = schedule(() => this.#step(), 0);
  }

  #step(): void {
    const { simulation, now, schedule } = this.#options;
    const isOnTime = this.#runSlice();
    if (this.#state === "ended") return;
    if (simulation.done) {
      this.#end("COMPLETED");
      return;
    }
    if (now() >= this.#frameDueMs) this.#sendFrame();
    const untilFrameMs = Math.ceil(this.#frameDueMs - now());
    this.#callOff = schedule(() => this.#step(), isOnTime ? Math.max(1, Math.min(untilFrameMs, longestSleepMs)) : 0);
  }

  /** Whether the run is where it should be. */
  #runSlice(): boolean {
    const { simulation, now } = this.#options;
    const startedMs = now();
    const plan = planSlice(this.#pace, startedMs, simulation.nowMs);
    this.#pace = plan.pace;
    return this.#unlessOverflows(() => {
      while (!this.#advance(plan.targetMs)) if (now() - startedMs >= sliceMs) return false;
      return true;
    });
  }

  /** Towards a time, but not past a change that is due before it. Whether it got there. */
  #advance(targetMs: number): boolean {
    const { simulation, changes = [] } = this.#options;
    const next = changes[this.#changesMade];
    if (next === undefined || next.atMs > targetMs) return simulation.runUntil(targetMs, eventsPerCheck);
    if (!simulation.runUntil(next.atMs, eventsPerCheck)) return false;
    // All of a moment together: a command never comes between them.
    for (let due: ScheduledChange | undefined = next; due?.atMs === next.atMs; due = changes[++this.#changesMade]) {
      this.#change(due.change, due.number);
    }
    return false;
  }

  /** Whether it took effect. */
  #change(change: Change, number?: number): boolean {
    const { simulation, report } = this.#options;
    try {
      simulation.apply(change);
      if (number !== undefined) report({ type: "applied", number, atMs: simulation.nowMs });
      return true;
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      if (number !== undefined) report({ type: "refused", number, reason: error.message });
      return false;
    }
  }

  /** What the work answers; false when the system overflowed, which ends the run. */
  #unlessOverflows(work: () => boolean): boolean {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof TooManyRequestsError)) throw error;
      const { simulation, report } = this.#options;
      this.#state = "ended";
      this.#callOff?.();
      const seconds = (simulation.nowMs / 1000).toFixed(3);
      report({ type: "failed", error: `after ${seconds} simulated seconds: ${error.message}` });
      return false;
    }
  }

  #end(status: "COMPLETED" | "STOPPED"): void {
    this.#state = "ended";
    this.#callOff?.();
    this.#sendFrame();
    this.#options.report({ type: "end", status, results: this.#options.simulation.results() });
  }

  #sendFrame(): void {
    const { simulation, frameIntervalMs, now, report } = this.#options;
    const nowMs = now();
    const speed = achievedSpeed(simulation.nowMs - this.#framedSimulatedMs, nowMs - this.#framedWallMs);
    report({ type: "frame", frame: simulation.frame(speed), atMs: nowMs });
    this.#frameDueMs = nextFrameDueMs(this.#frameDueMs, nowMs, frameIntervalMs);
    this.#framedWallMs = nowMs;
    this.#framedSimulatedMs = simulation.nowMs;
  }
}
