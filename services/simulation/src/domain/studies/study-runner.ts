import { insist } from "../lifecycle/insist.ts";
import type { Control } from "../lifecycle/ports.ts";
import type { RunningStudy, StudyEngine, StudyStore } from "./ports.ts";
import type { RunnableStudy, StudyEnd, StudyProgress } from "./study.ts";

/**
 * Answers studies on this instance: takes PENDING ones while it has room, starts their threads, keeps their progress, ends
 * them when they are cancelled, writes down the end.
 *
 * It lives as the runner of simulations does (lifecycle/runner.ts), for the same reasons: every second it says that its
 * studies go on and how far they are; what falls silent is given back to PENDING by any other instance, and begins again; at
 * the third time it is FAILED. Nobody is declared silent by an instance that has just found the store again itself. A study
 * that is no longer this instance's is dropped without a word. A stopping instance gives its studies back.
 */
export interface StudyRunnerOptions {
  /** Names this instance. */
  readonly name: string;
  readonly store: StudyStore;
  readonly engine: Pick<StudyEngine, "start">;
  readonly control: Control;
  /** How many are answered here at once. */
  readonly maxStudies: number;
  readonly now: () => number;
  readonly every: (intervalMs: number, work: () => Promise<void>) => () => void;
  readonly sleep: (ms: number) => Promise<void>;
  /** Whether an error says that the store is away: then a write is tried again for as long as it takes. */
  readonly isAway: (error: unknown) => boolean;
  readonly onError: (message: string, error: unknown) => void;
}

interface ActiveStudy {
  readonly study: RunnableStudy;
  readonly startedAtMs: number;
  running: RunningStudy | undefined;
  progress: StudyProgress;
  /** Set when it has ended here; the end is being written then. */
  concluded: Promise<void> | undefined;
}

const heartbeatMs = 1000;
const silenceMs = 10_000;
/** Three heartbeats of the others. */
const contactMs = 3000;
const maxAttempts = 3;
/** Events are estimated before; a system that collapses into retries has many more. */
export const longestStudyMs = 2 * 3_600_000;

export class StudyRunner {
  readonly #options: StudyRunnerOptions;
  readonly #active = new Map<string, ActiveStudy>();
  /** What `close` waits for before it gives the studies back. */
  readonly #underWay = new Set<Promise<void>>();
  #stopBeat: (() => void) | undefined;
  #inContactSinceMs: number | undefined;
  #taking = false;
  #again = false;
  #closed = false;

  constructor(options: StudyRunnerOptions) {
    this.#options = options;
  }

  /** How many are answered here now. */
  get active(): number {
    return this.#active.size;
  }

  start(): void {
    const { control, every } = this.#options;
    control.onCommand(({ id, command }) => {
      const active = command === "stop" ? this.#active.get(id) : undefined;
      if (active !== undefined) this.#end(active, { status: "CANCELLED" });
    });
    control.onPending(() => void this.#track(this.#take()));
    this.#stopBeat = every(heartbeatMs, () => this.#track(this.#beat()));
    void this.#track(this.#take());
  }

  /** Gives the studies back, so that another instance begins them again at once; those that have just ended are written. */
  async close(): Promise<void> {
    const { store, control, name, onError } = this.#options;
    this.#closed = true;
    this.#stopBeat?.();
    await Promise.allSettled(this.#underWay);
    for (const { running } of this.#active.values()) running?.cancel();
    await Promise.all([...this.#active.values()].map(({ concluded }) => concluded));
    const ids = [...this.#active.keys()];
    this.#active.clear();
    if (ids.length === 0) return;
    try {
      await store.release(ids, name);
      await control.announcePending();
    } catch (error) {
      onError(
        "studies could not be given back; others take them when this instance has been silent for long enough",
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
    const { store, control, name, now } = this.#options;
    const all = [...this.#active.values()];
    try {
      const held = new Set(
        await store.heartbeat(
          name,
          all.map(({ study, progress }) => ({ id: study.id, ...progress })),
        ),
      );
      this.#inContactSinceMs ??= now();
      for (const active of all) {
        if (!held.has(active.study.id)) this.#drop(active);
        else if (now() - active.startedAtMs >= longestStudyMs) this.#end(active, tooLong);
      }
      if (now() - this.#inContactSinceMs >= contactMs && (await store.releaseSilent(silenceMs, maxAttempts, now()))) {
        await control.announcePending();
      }
    } catch (error) {
      this.#inContactSinceMs = undefined;
      throw error;
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
        while (!this.#closed && this.#active.size < this.#options.maxStudies) {
          const study = await this.#options.store.claim(this.#options.name, this.#options.now());
          if (study === undefined) break;
          this.#begin(study);
        }
      } while (this.#again);
    } catch (error) {
      this.#options.onError("pending studies could not be taken", error);
    } finally {
      this.#taking = false;
    }
  }

  #begin(study: RunnableStudy): void {
    const active: ActiveStudy = {
      study,
      startedAtMs: this.#options.now(),
      running: undefined,
      progress: { progress: 0, phase: "" },
      concluded: undefined,
    };
    // It may have been taken from this instance without its noticing, and have come back to it.
    const before = this.#active.get(study.id);
    if (before !== undefined) this.#drop(before);
    this.#active.set(study.id, active);
    // Claimed while closing: `close` gives it back with the others.
    if (this.#closed) return;
    try {
      active.running = this.#options.engine.start(study.task, {
        onProgress: (progress) => {
          active.progress = progress;
        },
        onEnd: (end) => this.#end(active, end),
      });
    } catch (error) {
      this.#end(active, { status: "FAILED", error: error instanceof Error ? error.message : String(error) });
    }
  }

  #end(active: ActiveStudy, end: StudyEnd): void {
    if (this.#closed || active.concluded !== undefined || !this.#isHeld(active)) return;
    active.running?.cancel();
    active.concluded = this.#conclude(active, end);
  }

  /** A store that will not take the answer is told so, and told no answer. */
  async #conclude(active: ActiveStudy, end: StudyEnd): Promise<void> {
    let outcome = await this.#write(active, end);
    if (outcome === "refused") {
      outcome = await this.#write(active, { status: "FAILED", error: "its answer could not be stored" });
    }
    if (outcome === "closed") return;
    this.#drop(active);
    void this.#track(this.#take());
  }

  #write(active: ActiveStudy, end: StudyEnd): ReturnType<typeof insist> {
    const { store, name, now, isAway, sleep, onError } = this.#options;
    const { id } = active.study;
    return insist(
      async () => {
        await store.finish(id, name, end, now());
      },
      {
        state: () => (this.#isHeld(active) ? (this.#closed ? "closed" : "ours") : "lost"),
        isAway,
        sleep,
        onError: (error) => onError(`the end of study ${id} could not be written`, error),
      },
    );
  }

  #isHeld(active: ActiveStudy): boolean {
    return this.#active.get(active.study.id) === active;
  }

  #drop(active: ActiveStudy): void {
    active.running?.cancel();
    if (this.#isHeld(active)) this.#active.delete(active.study.id);
  }
}

const tooLong: StudyEnd = {
  status: "FAILED",
  error: `it was not answered within ${longestStudyMs / 3_600_000} hours: shorten the duration, or lower load or replications`,
};
