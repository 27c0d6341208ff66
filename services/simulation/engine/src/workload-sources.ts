/**
 * When requests start: open workloads by the clock, closed ones by what their users do.
 *
 * A poisson workload has no memory, so at a change of load its next gap is drawn anew; a constant one keeps the share of
 * its gap that has passed. Closed workloads change their number of users: new ones think first, those too many leave when
 * they would next start or think. An event that a change made obsolete stays in the queue and is recognised by its
 * sequence. A user who neither thinks nor waits would stop the clock; after an answer that took no time at all he pauses
 * for a millisecond.
 */

import { checkLoad } from "./check-architecture.ts";
import { DurationSampler } from "./distribution.ts";
import { eventKind } from "./event-kinds.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Model, ModelWorkload } from "./model.ts";
import { ModelError } from "./model-error.ts";
import { RandomStream } from "./random.ts";

const nsPerSecond = 1e9;
const shortestCycleNs = 1e6;
/** 52 days: beyond any run, and sums stay exact. */
const longestGapNs = 2 ** 52;

interface Source {
  readonly workload: ModelWorkload;
  readonly stream: RandomStream;
  readonly thinkTime: DurationSampler;
  /** The arrival that counts, by sequence; 0 when none is due. */
  arrivalSequence: number;
  arrivalNs: number;
  /** Length of the constant gap that `arrivalNs` ends; 0 when none is due. */
  gapNs: number;
  users: number;
  usersWanted: number;
}

export class WorkloadSources {
  readonly #workloads: readonly ModelWorkload[];
  readonly #queue: EventQueue;
  readonly #sources: readonly Source[];

  constructor(model: Model, queue: EventQueue, seed: number) {
    this.#workloads = model.workloads;
    this.#queue = queue;
    this.#sources = model.workloads.map((workload) => {
      const stream = new RandomStream(seed, `workload/${workload.id}`);
      const thinkTime = new DurationSampler({ kind: "exponential", meanMs: workload.thinkTimeMs, cv: 1 }, stream);
      return { workload, stream, thinkTime, arrivalSequence: 0, arrivalNs: 0, gapNs: 0, users: 0, usersWanted: 0 };
    });
    this.setLoad(model.load, 0);
  }

  /** Applies a load from now on. Throws ModelError, changing nothing, when a workload would exceed its limit. */
  setLoad(load: number, nowNs: number): void {
    const issues = checkLoad(this.#workloads, load);
    if (issues.length > 0) throw new ModelError(issues);
    for (const source of this.#sources) {
      if (source.workload.kind === "closed") this.#setUsers(source, Math.round(source.workload.users * load), nowNs);
      else this.#setRate(source, source.workload.ratePerSecond * load, nowNs);
    }
  }

  /** Whether an arrival event stands; if so the one after it is scheduled. */
  takeArrival(workload: number, sequence: number, nowNs: number): boolean {
    const source = this.#source(workload);
    if (source.arrivalSequence !== sequence) return false;
    this.#scheduleArrival(source, nowNs, this.#nextGapNs(source));
    return true;
  }

  /** Whether the user who has thought enough is still wanted. */
  takeThinkEnd(workload: number): boolean {
    const source = this.#source(workload);
    if (source.users <= source.usersWanted) return true;
    source.users--;
    return false;
  }

  /** A closed workload's user has an answer. */
  answered(workload: number, tookNs: number, nowNs: number): void {
    const source = this.#source(workload);
    if (source.workload.kind !== "closed") return;
    if (source.users > source.usersWanted) source.users--;
    else this.#think(source, nowNs, tookNs === 0 ? shortestCycleNs : 0);
  }

  #setUsers(source: Source, wanted: number, nowNs: number): void {
    source.usersWanted = wanted;
    for (; source.users < wanted; source.users++) this.#think(source, nowNs, 0);
  }

  #think(source: Source, nowNs: number, atLeastNs: number): void {
    const thinkNs = Math.max(source.thinkTime.sampleNs(), atLeastNs);
    this.#queue.push(nowNs + thinkNs, eventKind.thinkEnd, source.workload.index);
  }

  #setRate(source: Source, ratePerSecond: number, nowNs: number): void {
    const previousGapNs = source.gapNs;
    const leftShare = previousGapNs === 0 ? 1 : (source.arrivalNs - nowNs) / previousGapNs;
    source.gapNs = ratePerSecond === 0 ? 0 : Math.min(nsPerSecond / ratePerSecond, longestGapNs);
    source.arrivalSequence = 0;
    if (source.gapNs === 0) return;
    const isConstant = source.workload.kind === "constant";
    this.#scheduleArrival(source, nowNs, isConstant ? Math.round(source.gapNs * leftShare) : this.#nextGapNs(source));
  }

  #nextGapNs(source: Source): number {
    const share = source.workload.kind === "constant" ? 1 : source.stream.exponential();
    return Math.min(Math.round(source.gapNs * share), longestGapNs);
  }

  #scheduleArrival(source: Source, nowNs: number, gapNs: number): void {
    source.arrivalNs = nowNs + gapNs;
    source.arrivalSequence = this.#queue.push(source.arrivalNs, eventKind.arrival, source.workload.index);
  }

  #source(workload: number): Source {
    return this.#sources[workload] as Source;
  }
}
