/**
 * When requests start: open workloads by the clock, closed ones by what their users do.
 *
 * Open workloads wake when their arrival process (workloads/) says; at a change of load each kind says what becomes of the
 * gap it is in. Closed workloads change their number of users: new ones think first, those too many leave when they would
 * next start or think. An event that a change made obsolete stays in the queue and is recognised by its sequence. A user
 * who neither thinks nor waits would stop the clock; after an answer that took no time at all he pauses for a millisecond.
 */

import { checkLoad } from "./check-architecture.ts";
import { DurationSampler } from "./distribution.ts";
import { eventKind } from "./event-kinds.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Model, ModelWorkload } from "./model.ts";
import { ModelError } from "./model-error.ts";
import { RandomStream } from "./random.ts";
import type { ArrivalProcess } from "./workloads/arrival-process.ts";
import { createArrivalProcess } from "./workloads/create-arrival-process.ts";

/** The compiler knows a file's own constants; those that are imported are read from memory each time. */
const { arrival, thinkEnd } = eventKind;

const shortestCycleNs = 1e6;

interface Source {
  readonly workload: ModelWorkload;
  /** Absent when the workload is closed. */
  readonly arrivals: ArrivalProcess | undefined;
  readonly thinkTime: DurationSampler;
  /** Multiplies the load for this workload alone. */
  factor: number;
  /** The wake-up that counts, by sequence; 0 when none is due. */
  wakeSequence: number;
  users: number;
  usersWanted: number;
}

export class WorkloadSources {
  readonly #queue: EventQueue;
  readonly #sources: readonly Source[];
  #load = 1;

  constructor(model: Model, queue: EventQueue, seed: number) {
    this.#queue = queue;
    this.#sources = model.workloads.map((workload) => {
      const arrivals = createArrivalProcess(workload, seed);
      const stream = new RandomStream(seed, `workload/${workload.id}`);
      const thinkTime = new DurationSampler({ kind: "exponential", meanMs: workload.thinkTimeMs, cv: 1 }, stream);
      return { workload, arrivals, thinkTime, factor: 1, wakeSequence: 0, users: 0, usersWanted: 0 };
    });
    this.setLoad(model.load, 0);
  }

  /** Applies a load from now on. Throws ModelError, changing nothing, when a workload would exceed its limit. */
  setLoad(load: number, nowNs: number): void {
    const issues = this.#sources.flatMap(({ workload, factor }) => checkLoad([workload], load * factor));
    if (issues.length > 0) throw new ModelError(issues);
    this.#load = load;
    for (const source of this.#sources) this.#setLoadOf(source, nowNs);
  }

  /** Multiplies one workload, beside the load. Throws ModelError, changing nothing, when it would exceed its limit. */
  setFactor(workload: number, factor: number, nowNs: number): void {
    const source = this.#source(workload);
    const issues = checkLoad([source.workload], this.#load * factor);
    if (issues.length > 0) throw new ModelError(issues);
    source.factor = factor;
    this.#setLoadOf(source, nowNs);
  }

  /** Whether an arrival event is an arrival that stands; if it stands the next event is scheduled. */
  takeArrival(workload: number): boolean {
    const source = this.#source(workload);
    if (source.wakeSequence !== this.#queue.sequence) return false;
    const arrivals = source.arrivals as ArrivalProcess;
    const { isArrival } = arrivals;
    this.#wakeAt(source, arrivals.next(this.#queue.nowNs));
    return isArrival;
  }

  /** So many requests come beside those of the workload; of a closed one by users who leave when they are answered. */
  addOnce(workload: number, requests: number): void {
    const source = this.#source(workload);
    if (source.arrivals === undefined) source.users += requests;
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
    if (source.arrivals !== undefined) return;
    if (source.users > source.usersWanted) source.users--;
    else this.#think(source, nowNs, tookNs === 0 ? shortestCycleNs : 0);
  }

  #setLoadOf(source: Source, nowNs: number): void {
    const load = this.#load * source.factor;
    if (source.arrivals === undefined) this.#setUsers(source, Math.round(source.workload.users * load), nowNs);
    else this.#wakeAt(source, source.arrivals.setLoad(load, nowNs));
  }

  #setUsers(source: Source, wanted: number, nowNs: number): void {
    source.usersWanted = wanted;
    for (; source.users < wanted; source.users++) this.#think(source, nowNs, 0);
  }

  #think(source: Source, nowNs: number, atLeastNs: number): void {
    const thinkNs = Math.max(source.thinkTime.sampleNs(), atLeastNs);
    this.#queue.push(nowNs + thinkNs, thinkEnd, source.workload.index);
  }

  #wakeAt(source: Source, timeNs: number): void {
    source.wakeSequence =
      timeNs === Number.POSITIVE_INFINITY ? 0 : this.#queue.push(timeNs, arrival, source.workload.index);
  }

  #source(workload: number): Source {
    return this.#sources[workload] as Source;
  }
}
