import { emptyFrame } from "./empty-frame.ts";
import { insist, type WriteOutcome } from "./insist.ts";
import { MetricSeries } from "./metric-series.ts";
import type {
  ChangeOutcome,
  Control,
  ControlMessage,
  Engine,
  EngineRun,
  FrameFeed,
  RunEnd,
  RunnableSimulation,
  ShownFrame,
  SimulationStore,
} from "./ports.ts";
import { hasEnded, type Status } from "./transitions.ts";

/**
 * Runs simulations on this instance: takes PENDING ones while it has room, starts the engine, publishes frames, keeps
 * progress and metrics, carries out commands, writes down the end.
 *
 * An instance says every second that its runs go on. When one falls silent for `silenceMs`, any other gives its runs
 * back to PENDING, and they start again from the beginning: with the same seed, load and changes, those made live at the
 * simulated times at which they took effect, that is the same run. A run that goes down with its instance three times
 * ends as FAILED, so that a poisonous one cannot take the instances with it in turn. Nobody is declared silent by an
 * instance that has just found the store again itself: the others may have been cut off too, and get time to speak
 * first.
 *
 * A run that is no longer this instance's to run (the heartbeat tells) is stopped without a word: somebody else speaks
 * for it now. What a run shows last is written before it is published.
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
  /** Whether an error says that the store is away: then a write is tried again for as long as it takes. */
  readonly isAway: (error: unknown) => boolean;
  readonly onError: (message: string, error: unknown) => void;
}

interface ActiveRun {
  readonly simulation: RunnableSimulation;
  readonly series: MetricSeries;
  engine: EngineRun | undefined;
  status: Status;
  /** As the store had it last. A planned change may have made another of it since, which the frames show. */
  storedLoad: number;
  load: number;
  /** Live changes that the engine was told of, by number. */
  readonly toldChanges: Set<number>;
  pausedAtMs: number;
  simulatedSeconds: number;
  lastFrame: ShownFrame | undefined;
  /** Frames published; the engine's own count misses those that only tell a change of status. */
  sequence: number;
  /** Writes of one run happen one after another. There are as many as points of its series, so they are bounded. */
  writes: Promise<unknown>;
}

const heartbeatMs = 1000;
const silenceMs = 10_000;
/** Three heartbeats of the others. */
const contactMs = 3000;
const maxAttempts = 3;
/** A forgotten run holds a place that others wait for. */
export const longestPauseMs = 3_600_000;

export class Runner {
  readonly #options: RunnerOptions;
  readonly #runs = new Map<string, ActiveRun>();
  /** What `close` waits for before it gives the runs back. */
  readonly #underWay = new Set<Promise<void>>();
  #stopBeat: (() => void) | undefined;
  #inContactSinceMs: number | undefined;
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
    control.onCommand((message) => this.#command(message));
    control.onPending(() => void this.#track(this.#take()));
    this.#stopBeat = every(heartbeatMs, () => this.#track(this.#beat()));
    void this.#track(this.#take());
  }

  /** Gives the runs back, so that another instance starts them again at once; those that have just ended are written. */
  async close(): Promise<void> {
    const { store, control, name, onError } = this.#options;
    this.#closed = true;
    this.#stopBeat?.();
    await Promise.allSettled(this.#underWay);
    const runs = [...this.#runs.values()];
    for (const run of runs) {
      run.engine?.stop();
    }
    await Promise.all(runs.map((run) => run.writes));
    const ids = [...this.#runs.keys()];
    this.#runs.clear();
    try {
      await store.release(ids, name);
      if (ids.length > 0) {
        await control.announcePending();
      }
    } catch (error) {
      onError(
        "runs could not be given back; others take them when this instance has been silent for long enough",
        error,
      );
    }
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
    return tracked;
  }

  async #beat(): Promise<void> {
    const { store, name, now } = this.#options;
    const runs = [...this.#runs.values()];
    try {
      const progress = runs.map(({ simulation: { id }, simulatedSeconds }) => ({ id, simulatedSeconds }));
      const held = new Map((await store.heartbeat(name, progress)).map((row) => [row.id, row]));
      this.#inContactSinceMs ??= now();
      for (const run of runs) {
        this.#reconcile(run, held.get(run.simulation.id));
      }
      if (now() - this.#inContactSinceMs >= contactMs) {
        await this.#releaseSilent();
      }
    } catch (error) {
      this.#inContactSinceMs = undefined;
      throw error;
    }
    await this.#take();
  }

  /** Brings a run in line with what the store says of it; undefined: it is not this instance's any more. */
  #reconcile(run: ActiveRun, held: { load: number; hasWaitingChanges: boolean } | undefined): void {
    if (held === undefined) {
      run.engine?.stop();
      this.#forget(run);
      return;
    }
    // A command that was lost on its way shows here.
    if (held.load !== run.storedLoad) {
      this.#setLoad(run, held.load);
    }
    if (held.hasWaitingChanges) {
      void this.#track(this.#takeChanges(run));
    }
    if (run.status === "PAUSED" && this.#options.now() - run.pausedAtMs >= longestPauseMs) {
      run.engine?.stop();
    }
  }

  async #releaseSilent(): Promise<void> {
    const { store, control, feed, now } = this.#options;
    const released = await store.releaseSilent(silenceMs, maxAttempts, now());
    for (const simulation of released) {
      if (simulation.status === "FAILED") {
        feed.publish(simulation, "FAILED", emptyFrame(simulation));
      }
    }
    if (released.some(({ status }) => status === "PENDING")) {
      await control.announcePending();
    }
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
      storedLoad: simulation.load,
      load: simulation.load,
      toldChanges: new Set(simulation.liveChanges.map(({ number }) => number)),
      pausedAtMs: 0,
      simulatedSeconds: 0,
      lastFrame: undefined,
      sequence: 0,
      writes: Promise.resolve(),
    };
    const before = this.#runs.get(simulation.id);
    this.#runs.set(simulation.id, run);
    // It was taken from this instance without its noticing, and has come back to it.
    before?.engine?.stop();
    if (this.#closed) {
      // Claimed while closing: `close` gives it back with the others.
      return;
    }
    try {
      run.engine = this.#options.engine.start(simulation, {
        onFrame: (frame) => this.#frame(run, frame),
        onTraces: (json) => this.#options.feed.publishTraces(run.simulation, json),
        onChange: (number, outcome) => this.#settleChange(run, number, outcome),
        onEnd: (end) => this.#end(run, end),
      });
    } catch (error) {
      this.#end(run, { status: "FAILED", error: error instanceof Error ? error.message : String(error) });
    }
  }

  #frame(run: ActiveRun, frame: ShownFrame): void {
    if (!this.#goesOn(run)) {
      return;
    }
    if (frame.load !== (run.lastFrame ?? run.simulation).load) {
      run.load = frame.load;
    }
    run.lastFrame = frame;
    run.simulatedSeconds = frame.simulatedMs / 1000;
    this.#publish(run);
    const points = run.series.add(frame);
    if (points.length > 0) {
      this.#write(run, () => this.#options.store.addMetrics(run.simulation.id, this.#options.name, points));
    }
  }

  #end(run: ActiveRun, end: RunEnd): void {
    if (!this.#goesOn(run)) {
      return;
    }
    run.status = end.status;
    const points = run.series.flush();
    this.#write(run, () => this.#options.store.addMetrics(run.simulation.id, this.#options.name, points));
    run.writes = run.writes.then(() => this.#conclude(run, end));
  }

  async #conclude(run: ActiveRun, end: RunEnd): Promise<void> {
    const simulatedSeconds = end.results === undefined ? run.simulatedSeconds : end.results.simulatedMs / 1000;
    let finished = await this.#finish(run, end, simulatedSeconds);
    if (finished === "refused") {
      run.status = "FAILED";
      const error = "its results could not be stored";
      finished = await this.#finish(run, { status: "FAILED", error }, simulatedSeconds);
    }
    if (finished === "closed") {
      return;
    }
    this.#forget(run);
    // After the write, so that whoever sees the end can read the results.
    if (finished === "ours") {
      this.#publish(run);
    }
    void this.#track(this.#take());
  }

  /** Whether the end was written by this instance, or is somebody else's to write, or could not be. */
  async #finish(
    run: ActiveRun,
    { status, results, error: failureReason = "" }: RunEnd,
    simulatedSeconds: number,
  ): Promise<"ours" | "lost" | "closed" | "refused"> {
    const { store, name, now } = this.#options;
    const end = { status, simulatedSeconds, failureReason, results, atMs: now() };
    let ours = false;
    const outcome = await this.#insist(run, async () => {
      ours = await store.finish(run.simulation.id, name, end);
    });
    return outcome === "written" ? (ours ? "ours" : "lost") : outcome;
  }

  #command({ id, command, load }: ControlMessage): void {
    const run = this.#runs.get(id);
    if (run === undefined || !this.#goesOn(run)) {
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
          this.#setLoad(run, load);
        }
        break;
      case "apply":
        void this.#track(this.#takeChanges(run));
        break;
    }
  }

  #become(run: ActiveRun, status: "RUNNING" | "PAUSED"): void {
    if (run.status === status) {
      return;
    }
    run.status = status;
    run.pausedAtMs = this.#options.now();
    this.#write(run, () => this.#options.store.setStatus(run.simulation.id, this.#options.name, status));
    this.#publish(run);
  }

  #setLoad(run: ActiveRun, load: number): void {
    run.storedLoad = load;
    if (run.load === load || !this.#goesOn(run)) {
      return;
    }
    run.load = load;
    try {
      run.engine?.setLoad(load);
    } catch (error) {
      this.#options.onError(`the load of simulation ${run.simulation.id} could not be changed`, error);
    }
  }

  /** Tells the engine of changes that it was not told of; asked twice at once, of each still once. */
  async #takeChanges(run: ActiveRun): Promise<void> {
    const { store, name, onError } = this.#options;
    try {
      const waiting = await store.waitingChanges(run.simulation.id, name);
      for (const { number, change } of waiting) {
        if (run.toldChanges.has(number) || !this.#goesOn(run)) {
          continue;
        }
        run.toldChanges.add(number);
        run.engine?.apply(number, change);
      }
    } catch (error) {
      onError(`the changes of simulation ${run.simulation.id} could not be read`, error);
    }
  }

  /** Also while closing: whoever runs it next repeats what took effect when it did. */
  #settleChange(run: ActiveRun, number: number, outcome: ChangeOutcome): void {
    const { store, name } = this.#options;
    this.#write(run, () => store.settleChange(run.simulation.id, name, number, outcome));
  }

  /** Whether the run is this instance's and has not ended. */
  #goesOn(run: ActiveRun): boolean {
    return !this.#closed && this.#runs.get(run.simulation.id) === run && !hasEnded(run.status);
  }

  #forget(run: ActiveRun): void {
    if (this.#runs.get(run.simulation.id) === run) {
      this.#runs.delete(run.simulation.id);
    }
  }

  /** The last frame, with the status as it is now. */
  #publish(run: ActiveRun): void {
    run.sequence += 1;
    const frame = run.lastFrame ?? emptyFrame(run.simulation);
    this.#options.feed.publish(run.simulation, run.status, { ...frame, sequence: run.sequence });
  }

  #write(run: ActiveRun, work: () => Promise<void>): void {
    run.writes = run.writes.then(() => this.#insist(run, work));
  }

  #insist(run: ActiveRun, work: () => Promise<void>): Promise<WriteOutcome> {
    const { isAway, sleep, onError } = this.#options;
    return insist(work, {
      state: () => (this.#runs.get(run.simulation.id) !== run ? "lost" : this.#closed ? "closed" : "ours"),
      isAway,
      sleep,
      onError: (error) => onError(`simulation ${run.simulation.id} could not be written`, error),
    });
  }
}
