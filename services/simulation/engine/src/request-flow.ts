/**
 * What a request does: the rules of the simulated system, one method per kind of event.
 *
 * - A component admits a request to a slot or a queue, or sheds it (or, in its stead, one that waited). In the slot it does
 *   its own work; then the request fails by `errorRatio`, or is a cache hit, or makes the calls of its outgoing links. The
 *   slot is held until the answer leaves, so a slow callee fills its callers' slots, unless the component says otherwise
 *   (`holdsSlot`).
 * - Sequential calls stop at the first that fails. Parallel calls are all made at once and all awaited; one failure fails
 *   the request. A load balancer calls one link, drawn by weight.
 * - A queue answers once it has taken the message in, frees its slot, and only then delivers to its links.
 * - A call sends an attempt; network delay is one draw per attempt, half each way. On a failed answer or a timeout it
 *   tries again after a random pause, up to `retries` times. What an expired attempt started downstream goes on.
 * - Calls that nobody waits for (asynchronous links, deliveries of queues) are dead-lettered when they fail for good.
 *
 * Actions schedule events and never call each other across components, so the depth of the stack does not depend on the
 * architecture. Time is passed in; when the load changes and who looks at the numbers is the simulation's business.
 */
import { KeyedCaches } from "./cache/keyed-caches.ts";
import { CallPool } from "./call-pool.ts";
import type { ComponentStatistics } from "./component-statistics.ts";
import { eventKind } from "./event-kinds.ts";
import type { EventQueue } from "./event-queue.ts";
import type { LatencyRecorder } from "./latency-recorder.ts";
import type { Model, ModelComponent, ModelLink } from "./model.ts";
import { ModelDraws } from "./model-draws.ts";
import { ModelLanes } from "./model-lanes.ts";
import { Stations } from "./stations.ts";
import { none, VisitPool } from "./visit-pool.ts";
import type { WorkloadSources } from "./workload-sources.ts";

const nsPerMs = 1e6;
/** What `handle` answers for an event that something else made obsolete. */
export const obsolete = -1;

export interface RequestFlowOptions {
  readonly model: Model;
  readonly seed: number;
  readonly queue: EventQueue;
  readonly sources: WorkloadSources;
  readonly statistics: ComponentStatistics;
  readonly latencies: LatencyRecorder;
  readonly maxRequestsInSystem: number;
}

export class RequestFlow {
  readonly visits: VisitPool;
  readonly #model: Model;
  readonly #queue: EventQueue;
  readonly #sources: WorkloadSources;
  readonly #statistics: ComponentStatistics;
  readonly #latencies: LatencyRecorder;
  readonly #calls = new CallPool();
  readonly #stations: Stations;
  readonly #caches: KeyedCaches;
  readonly #draws: ModelDraws;
  readonly #lanes: ModelLanes;
  #attempts = 0;
  #nowNs = 0;

  constructor(options: RequestFlowOptions) {
    const { model, seed } = options;
    this.#model = model;
    this.#queue = options.queue;
    this.#sources = options.sources;
    this.#statistics = options.statistics;
    this.#latencies = options.latencies;
    this.visits = new VisitPool(options.maxRequestsInSystem);
    this.#stations = new Stations(model, this.visits, seed);
    this.#caches = new KeyedCaches(model, this.visits, seed);
    this.#draws = new ModelDraws(model, seed);
    this.#lanes = new ModelLanes(model, options.queue);
  }

  /** Lets one event happen. Answers the component it happened at, or `obsolete`. */
  handle(kind: number, subject: number, sequence: number, nowNs: number): number {
    this.#nowNs = nowNs;
    switch (kind) {
      case eventKind.arrival:
        return this.#sources.takeArrival(subject, sequence, nowNs) ? this.#originate(subject) : obsolete;
      case eventKind.thinkEnd:
        return this.#sources.takeThinkEnd(subject) ? this.#originate(subject) : obsolete;
      case eventKind.request:
        return this.#onRequest(subject);
      case eventKind.workEnd:
        return this.#onWorkEnd(subject);
      case eventKind.answer:
        return this.#onAnswer(subject);
      case eventKind.timeout:
        return this.#onTimeout(subject, sequence);
      default:
        return this.#onRetry(subject);
    }
  }

  /** A cache with keys holds nothing from now on; for other components this does nothing. */
  flushCache(component: number): void {
    this.#caches.flush(component);
  }

  #originate(workload: number): number {
    const client = (this.#model.workloads[workload] as Model["workloads"][number]).client;
    const visit = this.visits.acquire(client);
    this.visits.workload[visit] = workload;
    this.#arrive(visit, client);
    this.#makeCalls(visit, this.#component(client));
    return client;
  }

  #onRequest(visit: number): number {
    const component = this.visits.component[visit] as number;
    this.#arrive(visit, component);
    const place = this.#stations.admit(visit);
    if (place === "slot") {
      this.#startWork(visit, component, false);
    } else if (place === "queue") {
      if (this.#stations.evicted !== none) this.#evict(this.#stations.evicted, component);
      this.#statistics.enqueue(component, this.#nowNs);
    } else {
      this.#statistics.shed(component);
      this.#refuse(visit);
    }
    return component;
  }

  #evict(visit: number, component: number): void {
    this.#statistics.evict(component, this.#nowNs, this.#nowNs - (this.visits.arrivedNs[visit] as number));
    this.#refuse(visit);
  }

  #refuse(visit: number): void {
    this.visits.isPresent[visit] = 0;
    this.visits.hasFailed[visit] = 1;
    this.#sendAnswer(visit);
  }

  #arrive(visit: number, component: number): void {
    this.visits.arrivedNs[visit] = this.#nowNs;
    this.visits.isPresent[visit] = 1;
    this.#statistics.arrive(component, this.#nowNs);
  }

  #startWork(visit: number, component: number, isFromQueue: boolean): void {
    const waitedNs = this.#nowNs - (this.visits.arrivedNs[visit] as number);
    this.visits.hasSlot[visit] = 1;
    this.#statistics.startWork(component, this.#nowNs, isFromQueue, waitedNs);
    const workNs = this.#draws.workNs(component);
    this.#queue.pushInto(this.#lanes.work[component] as number, this.#nowNs + workNs, eventKind.workEnd, visit);
  }

  #onWorkEnd(visit: number): number {
    const index = this.visits.component[visit] as number;
    const component = this.#component(index);
    this.#statistics.endWork(index, this.#nowNs);
    if (this.#draws.fails(component)) {
      this.visits.hasFailed[visit] = 1;
      this.#finish(visit);
    } else if (component.isCache) {
      this.#lookUp(visit, component);
    } else if (component.isQueue) {
      this.#finish(visit);
      this.#deliver(component);
    } else {
      if (!component.holdsSlot) this.#freeSlot(visit, index);
      this.#makeCalls(visit, component);
    }
    return index;
  }

  #lookUp(visit: number, component: ModelComponent): void {
    const { index } = component;
    const outcome =
      component.cache === undefined
        ? this.#draws.isHit(component)
          ? "hit"
          : "fetch"
        : this.#caches.lookUp(visit, this.#keyOf(visit, index), this.#nowNs);
    this.#statistics.count(index, outcome === "hit" ? "cacheHits" : "cacheMisses");
    if (outcome === "hit") {
      this.#finish(visit);
      return;
    }
    if (!component.holdsSlot) this.#freeSlot(visit, index);
    if (outcome === "fetch") this.#makeCalls(visit, component);
    else this.#statistics.count(index, "collapsedMisses");
  }

  /** A call asks for the same key in each attempt; an attempt that was given up on no longer knows its call. */
  #keyOf(visit: number, component: number): number {
    if (!this.#isAwaited(visit)) return this.#caches.drawKey(component);
    const call = this.visits.call[visit] as number;
    const drawn = this.#calls.key[call] as number;
    if (drawn !== none) return drawn;
    const key = this.#caches.drawKey(component);
    this.#calls.key[call] = key;
    return key;
  }

  #deliver(component: ModelComponent): void {
    for (const link of component.links) {
      for (let calls = this.#draws.calls(link); calls > 0; calls--) this.#call(link, none);
    }
  }

  #makeCalls(visit: number, component: ModelComponent): void {
    if (component.isBalancer) {
      this.visits.linkCursor[visit] = component.links.length;
      this.#callOne(visit, this.#draws.chosenLink(component));
    } else if (component.isParallel) {
      for (const link of component.links) {
        for (let calls = this.#draws.calls(link); calls > 0; calls--) this.#callOne(visit, link);
      }
    } else {
      this.#makeNextCalls(visit, component);
      return;
    }
    if (this.visits.awaitedCalls[visit] === 0) this.#finish(visit);
  }

  /** Sequential fan-out: goes on until there is a call to wait for, or none is left. */
  #makeNextCalls(visit: number, component: ModelComponent): void {
    // The columns are read anew each time: a call takes a visit, which may make them grow.
    while (this.visits.awaitedCalls[visit] === 0) {
      const cursor = this.visits.linkCursor[visit] as number;
      const callsLeft = this.visits.callsLeft[visit] as number;
      if (callsLeft > 0) {
        this.visits.callsLeft[visit] = callsLeft - 1;
        this.#callOne(visit, component.links[cursor] as ModelLink);
      } else if (cursor + 1 < component.links.length) {
        this.visits.linkCursor[visit] = cursor + 1;
        this.visits.callsLeft[visit] = this.#draws.calls(component.links[cursor + 1] as ModelLink);
      } else {
        this.#finish(visit);
        return;
      }
    }
  }

  #callOne(visit: number, link: ModelLink): void {
    if (link.isAwaited) this.visits.awaitedCalls[visit] = (this.visits.awaitedCalls[visit] as number) + 1;
    this.#call(link, link.isAwaited ? visit : none);
  }

  #call(link: ModelLink, caller: number): void {
    this.#sendAttempt(this.#calls.acquire(link.index, caller), link);
  }

  #sendAttempt(call: number, link: ModelLink): void {
    const roundTripNs = this.#draws.roundTripNs(link);
    const requestDelayNs = Math.round(roundTripNs / 2);
    const visit = this.visits.acquire(link.to);
    const attempt = ++this.#attempts;
    this.visits.call[visit] = call;
    this.visits.attempt[visit] = attempt;
    this.visits.answerDelayNs[visit] = roundTripNs - requestDelayNs;
    this.visits.isPresent[visit] = 0;
    this.#calls.attempt[call] = attempt;
    this.#calls.attemptsMade[call] = (this.#calls.attemptsMade[call] as number) + 1;
    const requestLane = this.#lanes.request[link.index] as number;
    this.#queue.pushInto(requestLane, this.#nowNs + requestDelayNs, eventKind.request, visit);
    if (link.timeoutMs === 0) return;
    const timeoutNs = this.#nowNs + Math.round(link.timeoutMs * nsPerMs);
    const timeoutLane = this.#lanes.timeout[link.index] as number;
    this.#calls.timeoutSequence[call] = this.#queue.pushInto(timeoutLane, timeoutNs, eventKind.timeout, call);
  }

  /** A request that was admitted is done: its slot is freed and its answer leaves. */
  #finish(visit: number): void {
    const component = this.visits.component[visit] as number;
    const residenceNs = this.#nowNs - (this.visits.arrivedNs[visit] as number);
    const hasFailed = this.visits.hasFailed[visit] === 1;
    const outcome = hasFailed ? "failed" : "completed";
    const waiting = this.#caches.isKeyed[component] === 1 ? this.#caches.endFetch(visit, hasFailed, this.#nowNs) : none;
    const workload = this.visits.workload[visit] as number;
    const hasSlot = this.visits.hasSlot[visit] === 1;
    this.visits.isPresent[visit] = 0;
    this.#statistics.leave(component, this.#nowNs, outcome, residenceNs, hasSlot);
    if (outcome === "completed") this.#latencies.record(component, residenceNs);
    if (workload !== none) {
      this.visits.release(visit);
      this.#sources.answered(workload, residenceNs, this.#nowNs);
      return;
    }
    if (hasSlot) this.#passSlotOn(visit, component);
    this.#sendAnswer(visit);
    if (waiting !== none) this.#finishWaiting(waiting, hasFailed);
  }

  /** Ends the visits that waited for another's fetch in a cache as that one ended, in the order in which they came. */
  #finishWaiting(first: number, hasFailed: boolean): void {
    for (let visit = first; visit !== none; ) {
      const next = this.visits.next[visit] as number;
      if (hasFailed) this.visits.hasFailed[visit] = 1;
      this.#finish(visit);
      visit = next;
    }
  }

  /** The calls that follow need no slot. */
  #freeSlot(visit: number, component: number): void {
    this.#statistics.release(component, this.#nowNs);
    this.#passSlotOn(visit, component);
  }

  #passSlotOn(visit: number, component: number): void {
    this.visits.hasSlot[visit] = 0;
    const successor = this.#stations.vacate(visit);
    if (successor !== none) this.#startWork(successor, component, true);
  }

  #sendAnswer(visit: number): void {
    if (this.#isAwaited(visit)) {
      const link = this.#calls.link[this.visits.call[visit] as number] as number;
      const answerNs = this.#nowNs + (this.visits.answerDelayNs[visit] as number);
      this.#queue.pushInto(this.#lanes.answer[link] as number, answerNs, eventKind.answer, visit);
    } else {
      this.visits.release(visit);
    }
  }

  #isAwaited(visit: number): boolean {
    return this.#calls.attempt[this.visits.call[visit] as number] === this.visits.attempt[visit];
  }

  #onAnswer(visit: number): number {
    const call = this.visits.call[visit] as number;
    const component = this.visits.component[visit] as number;
    const isAwaited = this.#isAwaited(visit);
    const hasFailed = this.visits.hasFailed[visit] === 1;
    this.visits.release(visit);
    if (isAwaited && hasFailed) this.#failAttempt(call);
    else if (isAwaited) this.#endCall(call, false);
    return component;
  }

  #onTimeout(call: number, sequence: number): number {
    if (this.#calls.timeoutSequence[call] !== sequence) return obsolete;
    const link = this.#linkOf(call);
    this.#statistics.count(link.to, "timedOut");
    this.#failAttempt(call);
    return link.to;
  }

  #onRetry(call: number): number {
    const link = this.#linkOf(call);
    this.#statistics.count(link.to, "retried");
    this.#sendAttempt(call, link);
    return link.to;
  }

  #failAttempt(call: number): void {
    const link = this.#linkOf(call);
    const attemptsMade = this.#calls.attemptsMade[call] as number;
    this.#calls.attempt[call] = 0;
    this.#calls.timeoutSequence[call] = 0;
    if (attemptsMade > link.retries) {
      this.#endCall(call, true);
      return;
    }
    const pauseMs = this.#draws.pauseMs(link, attemptsMade);
    this.#queue.push(this.#nowNs + Math.round(pauseMs * nsPerMs), eventKind.retry, call);
  }

  #endCall(call: number, hasFailed: boolean): void {
    const caller = this.#calls.caller[call] as number;
    const link = this.#linkOf(call);
    this.#calls.release(call);
    if (caller === none) {
      if (hasFailed) this.#statistics.count(link.from, "deadLettered");
      return;
    }
    const component = this.#component(link.from);
    const awaitedCalls = (this.visits.awaitedCalls[caller] as number) - 1;
    this.visits.awaitedCalls[caller] = awaitedCalls;
    if (hasFailed) this.visits.hasFailed[caller] = 1;
    if (awaitedCalls > 0) return;
    // Only a sequential fan-out has calls left when none is awaited; a failure ends it early.
    if (component.isParallel || this.visits.hasFailed[caller] === 1) this.#finish(caller);
    else this.#makeNextCalls(caller, component);
  }

  #linkOf(call: number): ModelLink {
    return this.#model.links[this.#calls.link[call] as number] as ModelLink;
  }

  #component(index: number): ModelComponent {
    return this.#model.components[index] as ModelComponent;
  }
}
