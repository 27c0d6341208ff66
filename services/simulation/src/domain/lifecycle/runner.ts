import type { Frame } from "../results.ts";
import { MetricSeries } from "./metric-series.ts";
import type { Control, Engine, EngineRun, FrameFeed, RunEnd, RunnableSimulation, SimulationStore } from "./ports.ts";
import type { Command, Status } from "./transitions.ts";

/**
 * Runs simulations on this instance: takes PENDING ones while it has room, starts the engine, publishes frames, keeps
 * progress and metrics, carries out commands, writes down the end.
 *
 * An instance says every second that its runs go on. When one falls silent for `silenceMs`, any other gives its runs
 * back to PENDING, and they start again from the beginning: with the same seed that is the same run. A run that goes down
 * with its instance three times ends as FAILED, so that a poisonous one cannot take the instances with it in turn.
 */
export interface RunnerOptions {
  /** Names this instance. */
  readonly name: string;
  readonly store: SimulationStore;
  readonly engine: Engine;
  readonly control: Control;
  readonly feed: FrameFeed;
  /** How many run here at once. */
  readonly maxRuns: number;
  readonly now: () => number;
  readonly every: (intervalMs: number, work: () => Promise<void>) => () => void;
  readonly sleep: (ms: number) => Promise<void>;
  readonly onError: (message: string, error: unknown) => void;
}

interface ActiveRun {
  readonly simulation: RunnableSimulation;
  readonly series: MetricSeries;
  engine: EngineRun | undefined;
  status: Status;
  simulatedSeconds: number;
  lastFrame: Frame | undefined;
  /** Frames published; the engine's own count misses those that only tell a change of status. */
  sequence: number;
  /** Writes of one run happen one after another. */
  writes: Promise<void>;
}

const heartbeatMs = 1000;
const silenceMs = 10_000;
const maxAttempts = 3;
const rewriteMs = 1000;

export class Runner {
  readonly #options: RunnerOptions;
  readonly #runs = new Map<string, ActiveRun>();
  #stopBeat: (() => void) | undefined;
  #taking = false;
  #again = false;
  #closed = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** How many run here now. */
  get active(): number {
    return this.#runs.size;
  }

  start(): void {
    const { control, every } = this.#options;
    control.onCommand((command) => this.#command(command));
    control.onPending(() => void this.#take());
    this.#stopBeat = every(heartbeatMs, () => this.#beat());
    void this.#take();
  }

  /** Gives the runs back, so that another instance starts them again at once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopBeat?.();
    const runs = [...this.#runs.values()];
    this.#runs.clear();
    for (const run of runs) {
      run.engine?.stop();
    }
    await Promise.all(runs.map((run) => run.writes));
    await this.#options.store.release(
      runs.map((run) => run.simulation.id),
      this.#options.name,
    );
    if (runs.length > 0) {
      await this.#options.control.announcePending();
    }
  }

  async #beat(): Promise<void> {
    const { store, name, now, control } = this.#options;
    const ids = [...this.#runs.keys()];
    for (const run of this.#runs.values()) {
      await store.setProgress(run.simulation.id, name, run.simulatedSeconds);
    }
    for (const lost of await store.heartbeat(name, ids, now())) {
      // Somebody else runs it by now, or it has been deleted.
      this.#runs.get(lost)?.engine?.stop();
      this.#runs.delete(lost);
    }
    if ((await store.releaseSilent(now() - silenceMs, maxAttempts, now())) > 0) {
      await control.announcePending();
    }
    await this.#take();
  }

  async #take(): Promise<void> {
    if (this.#taking) {
      this.#again = true;
      return;
    }
    this.#taking = true;
    try {
      do {
        this.#again = false;
        while (!this.#closed && this.#runs.size < this.#options.maxRuns) {
          const simulation = await this.#options.store.claim(this.#options.name, this.#options.now());
          if (simulation === undefined) {
            break;
          }
          this.#begin(simulation);
        }
      } while (this.#again);
    } catch (error) {
      this.#options.onError("pending simulations could not be taken", error);
    } finally {
      this.#taking = false;
    }
  }

  #begin(simulation: RunnableSimulation): void {
    const run: ActiveRun = {
      simulation,
      series: new MetricSeries(simulation.durationSeconds * 1000),
      engine: undefined,
      status: "RUNNING",
      simulatedSeconds: 0,
      lastFrame: undefined,
      sequence: 0,
      writes: Promise.resolve(),
    };
    this.#runs.set(simulation.id, run);
    try {
      run.engine = this.#options.engine.start(simulation, {
        onFrame: (frame) => this.#frame(run, frame),
        onEnd: (end) => this.#end(run, end),
      });
    } catch (error) {
      this.#end(run, { status: "FAILED", error: error instanceof Error ? error.message : String(error) });
    }
  }

  #frame(run: ActiveRun, frame: Frame): void {
    if (this.#runs.get(run.simulation.id) !== run) {
      return;
    }
    run.lastFrame = frame;
    run.simulatedSeconds = frame.simulatedMs / 1000;
    this.#publish(run);
    const points = run.series.add(frame);
    if (points.length > 0) {
      this.#write(run, () => this.#options.store.addMetrics(run.simulation.id, points));
    }
  }

  #end(run: ActiveRun, end: RunEnd): void {
    const { store, name, now } = this.#options;
    const { id } = run.simulation;
    if (this.#runs.get(id) !== run) {
      return;
    }
    run.status = end.status;
    const points = run.series.flush();
    this.#write(run, async () => {
      await store.addMetrics(id, points);
      const simulatedSeconds = end.results === undefined ? run.simulatedSeconds : end.results.simulatedMs / 1000;
      const failureReason = end.error ?? "";
      await store.finish(id, name, {
        status: end.status,
        simulatedSeconds,
        failureReason,
        results: end.results,
        atMs: now(),
      });
      this.#runs.delete(id);
      // Last, so that whoever sees the end can read the results.
      this.#publish(run);
      await this.#take();
    });
  }

  #command({ id, command, load }: { id: string; command: Command; load?: number }): void {
    const run = this.#runs.get(id);
    if (run === undefined) {
      return;
    }
    switch (command) {
      case "pause":
        run.engine?.pause();
        this.#become(run, "PAUSED");
        break;
      case "resume":
        run.engine?.resume();
        this.#become(run, "RUNNING");
        break;
      case "stop":
        run.engine?.stop();
        break;
      case "load":
        if (load !== undefined) {
          run.engine?.setLoad(load);
        }
        break;
    }
  }

  #become(run: ActiveRun, status: "RUNNING" | "PAUSED"): void {
    if (run.status === status || (run.status !== "RUNNING" && run.status !== "PAUSED")) {
      return;
    }
    run.status = status;
    this.#write(run, () => this.#options.store.setStatus(run.simulation.id, this.#options.name, status));
    this.#publish(run);
  }

  /** The last frame, with the status as it is now. */
  #publish(run: ActiveRun): void {
    if (run.lastFrame !== undefined) {
      run.sequence += 1;
      this.#options.feed.publish(run.simulation, run.status, { ...run.lastFrame, sequence: run.sequence });
    }
  }

  /** The store may be away for a while: a write is tried again until it succeeds or this instance stops. */
  #write(run: ActiveRun, work: () => Promise<void>): void {
    run.writes = run.writes.then(async () => {
      for (;;) {
        try {
          await work();
          return;
        } catch (error) {
          this.#options.onError(`simulation ${run.simulation.id} could not be written`, error);
          if (this.#closed) {
            return;
          }
          await this.#options.sleep(rewriteMs);
        }
      }
    });
  }
}
