/**
 * The component's side: what a request does where it arrives.
 *
 * - A component admits a request to a slot or a queue, or sheds it (or, in its stead, one that waited). A rate limit comes
 *   before that. In the slot it locks its row if it needs one and does its own work; then it fails by `errorRatio`, or is a
 *   cache hit, or makes the calls of its outgoing links. The slot is held until the answer leaves, so a slow callee fills
 *   its callers' slots, unless the component says otherwise (`holdsSlot`).
 * - Sequential calls stop at the first that fails. Parallel calls are all made at once and all awaited; one failure fails
 *   the request. A load balancer calls one link.
 * - A queue answers once it has taken the message in, frees its slot, and only then delivers to its links.
 *
 * Actions schedule events and never call each other across components, so the depth of the stack does not depend on the
 * architecture. What a caller does is in outgoing-calls.ts; what ends a request before its time in early-ends.ts.
 */
import { KeyedCaches } from "./cache/keyed-caches.ts";
import type { CallPool } from "./call-pool.ts";
import { type ComponentStatistics, statistic } from "./component-statistics.ts";
import { EarlyEnds } from "./early-ends.ts";
import { eventKind } from "./event-kinds.ts";
import { type EventQueue, noLane as withoutLane } from "./event-queue.ts";
import { type Caller, OutgoingCalls, obsolete as obsoleteEvent } from "./outgoing-calls.ts";
import { OwnWork } from "./own-work.ts";
import { RequestTraits } from "./request-traits.ts";
import { RateLimiters, refused as refusedByLimit } from "./resilience/rate-limiters.ts";
import { RowLocks } from "./resilience/row-locks.ts";
import type { RunComponent } from "./run-component.ts";
import { lost as lostMessage, type RunLink } from "./run-link.ts";
import type { RunState } from "./run-state.ts";
import { place, type Stations } from "./stations.ts";
import { none as nothing, stage, type Visit } from "./visit.ts";
import type { VisitPool } from "./visit-pool.ts";
import type { WorkloadSources } from "./workload-sources.ts";

/** The compiler knows a file's own constants; those that are imported are read from memory each time. */
const { answer, arrival, cancel, hedge, refusal, request, retry, thinkEnd, timeout, token, workEnd } = eventKind;
const { answered, calling, collapsed, limited, locked, queued } = stage;
const { cacheHits, cacheMisses, collapsedMisses, expired, limited: limitedCount, lost: lostCount } = statistic;
const { queue, shed, slot } = place;
const none = nothing;
const noLane = withoutLane;
const obsolete = obsoleteEvent;
const lost = lostMessage;
const refused = refusedByLimit;

export class RequestFlow implements Caller {
  readonly outgoing: OutgoingCalls;
  readonly caches: KeyedCaches;
  readonly limiters: RateLimiters;
  readonly work: OwnWork;
  readonly traits: RequestTraits;
  readonly #run: RunState;
  readonly #queue: EventQueue;
  readonly #visits: VisitPool;
  readonly #calls: CallPool;
  readonly #stations: Stations;
  readonly #statistics: ComponentStatistics;
  readonly #sources: WorkloadSources;
  readonly #locks: RowLocks;
  readonly #earlyEnds: EarlyEnds;

  constructor(run: RunState, sources: WorkloadSources) {
    const { model, seed, visits } = run;
    this.#run = run;
    this.#queue = run.queue;
    this.#visits = visits;
    this.#calls = run.calls;
    this.#stations = run.stations;
    this.#statistics = run.statistics;
    this.#sources = sources;
    this.work = new OwnWork(run);
    this.outgoing = new OutgoingCalls(run, this);
    this.caches = new KeyedCaches(model, visits, seed);
    this.limiters = new RateLimiters(model);
    this.#locks = new RowLocks(model.components.length);
    this.traits = new RequestTraits(run);
    this.#earlyEnds = new EarlyEnds(run, this);
  }

  /** Lets one event of a request happen. Answers the component it happened at, or `obsolete`. */
  handle(kind: number, subject: number): number {
    switch (kind) {
      case arrival:
        return this.#sources.takeArrival(subject) ? this.originate(subject) : obsolete;
      case thinkEnd:
        return this.#sources.takeThinkEnd(subject) ? this.originate(subject) : obsolete;
      case request:
        return this.#onRequest(this.#visits.at(subject));
      case workEnd:
        return this.#onWorkEnd(this.#visits.at(subject));
      case answer:
        return this.outgoing.onAnswer(this.#visits.at(subject));
      case cancel:
        return this.#earlyEnds.onCancel(this.#visits.at(subject));
      case token:
        return this.#onToken(this.#visits.at(subject));
      case timeout:
        return this.outgoing.onTimeout(this.#calls.at(subject));
      case retry:
        return this.outgoing.onRetry(this.#calls.at(subject));
      case refusal:
        return this.outgoing.onRefusal(this.#calls.at(subject));
      case hedge:
        return this.outgoing.onHedge(this.#calls.at(subject));
      default:
        return this.#onCoreEnd(subject);
    }
  }

  /** A workload's client sends a request. Answers the client. */
  originate(workload: number): number {
    const run = this.#run;
    const { nowNs } = this.#queue;
    const { client } = run.model.workloads[workload] as RunState["model"]["workloads"][number];
    const component = run.components[client] as RunComponent;
    const visit = this.#visits.acquire(component);
    visit.instance = this.#stations.first[client] as number;
    visit.workload = workload;
    visit.stage = calling;
    visit.arrivedNs = nowNs;
    if (run.hasTraits) this.traits.draw(visit, workload, nowNs);
    component.counts.arrive(nowNs);
    visit.span = run.traces.begin(client, nowNs);
    this.#makeCalls(visit, component);
    return client;
  }

  /** Everything that the instance holds fails now, as when its process dies. */
  failAll(instance: number): void {
    this.#earlyEnds.failAll(instance);
  }

  /** Who waits may have slots that are free now. */
  fillSlots(instance: number): void {
    const component = this.#run.components[this.#stations.component[instance] as number] as RunComponent;
    if (this.#stations.isDown[instance] === 0) this.#passOn(this.#stations.takeNext(instance), instance, component);
  }

  callEnded(visit: Visit, hasFailed: boolean, failure: number): void {
    const { component } = visit;
    const awaitedCalls = visit.awaitedCalls - 1;
    visit.awaitedCalls = awaitedCalls;
    if (hasFailed) {
      // Of several calls that fail the first decides how.
      if (!visit.hasFailed) visit.failure = failure;
      visit.hasFailed = true;
    }
    if (awaitedCalls > 0) return;
    // Only a sequential fan-out has calls left when none is awaited; a failure ends it early.
    if (component.isParallel || visit.hasFailed) this.finish(visit);
    else this.#makeNextCalls(visit, component);
  }

  #onRequest(visit: Visit): number {
    const { component } = visit;
    if (visit.isCancelled) {
      this.#visits.release(visit);
      return component.index;
    }
    const { nowNs } = this.#queue;
    visit.arrivedNs = nowNs;
    component.counts.arrive(nowNs);
    const { span } = visit;
    if (span !== none) this.#run.traces.mark(span, "arrivedNs", nowNs);
    if (component.model.rateLimit === undefined) return this.#admit(visit);
    visit.stage = limited;
    const waitNs = this.limiters.admit(component.index, nowNs);
    if (waitNs === refused) {
      this.#statistics.count(component.index, limitedCount);
      this.#shed(visit, component);
    } else if (waitNs === 0) {
      this.#admit(visit);
    } else {
      if (span !== none) this.#run.traces.mark(span, "tokenNs", nowNs + waitNs);
      visit.dueSequence = this.#queue.after(waitNs, noLane, token, visit.index);
    }
    return component.index;
  }

  #admit(visit: Visit): number {
    const { component } = visit;
    const outcome = this.#stations.admit(visit);
    if (outcome === slot) {
      if (this.#hasExpired(visit, component)) {
        this.#stations.giveBack(visit.instance);
        this.#expire(visit, component);
      } else {
        this.#takeSlot(visit, component, false);
      }
    } else if (outcome === queue) {
      visit.stage = queued;
      const { evicted } = this.#stations;
      if (evicted !== undefined) this.#evict(evicted, component);
      component.counts.enqueue(this.#queue.nowNs);
    } else if (outcome === shed) {
      this.#shed(visit, component);
    } else {
      visit.stage = calling;
      visit.hasFailed = true;
      this.leave(visit);
    }
    return component.index;
  }

  #evict(visit: Visit, component: RunComponent): void {
    component.counts.leaveQueue(this.#queue.nowNs);
    this.#shed(visit, component);
  }

  #shed(visit: Visit, component: RunComponent): void {
    const { nowNs } = this.#queue;
    component.counts.refuse(nowNs, nowNs - visit.arrivedNs);
    visit.hasFailed = true;
    const { span } = visit;
    if (span !== none) this.#run.traces.end(span, "shed");
    this.#sendAnswer(visit);
  }

  #hasExpired(visit: Visit, component: RunComponent): boolean {
    if (!this.#run.hasTraits || !component.model.dropsExpired) return false;
    return visit.deadlineNs < this.#queue.nowNs;
  }

  #expire(visit: Visit, component: RunComponent): void {
    this.#statistics.count(component.index, expired);
    visit.hasFailed = true;
    this.leave(visit);
  }

  #takeSlot(visit: Visit, component: RunComponent, isFromQueue: boolean): void {
    const { nowNs } = this.#queue;
    visit.hasSlot = true;
    const { counts } = component;
    counts.takeSlot(nowNs);
    if (isFromQueue) {
      const waitedNs = nowNs - visit.arrivedNs;
      counts.leaveQueue(nowNs);
      counts.waited++;
      counts.waitedNs += waitedNs;
      this.#run.waits.record(component.index, waitedNs);
    }
    if (component.model.locks !== undefined) {
      const row = component.lockedRow(visit.isWrite, this.traits.writesAreKnown);
      if (row !== undefined && !this.#locks.acquire(visit, row)) {
        visit.stage = locked;
        const { span } = visit;
        if (span !== none) this.#run.traces.mark(span, "lockedNs", nowNs);
        return;
      }
    }
    this.work.start(visit, component);
  }

  #onWorkEnd(visit: Visit): number {
    return visit.dueSequence === this.#queue.sequence && this.work.ends(visit) ? this.#endWork(visit) : obsolete;
  }

  #onToken(visit: Visit): number {
    return visit.dueSequence === this.#queue.sequence ? this.#admit(visit) : obsolete;
  }

  #onCoreEnd(instance: number): number {
    const visit = this.work.takeEnd(instance, this.#queue.sequence);
    return visit === undefined ? obsolete : this.#endWork(visit);
  }

  #endWork(visit: Visit): number {
    const { component } = visit;
    component.counts.endWork(this.#queue.nowNs);
    visit.stage = calling;
    const { span } = visit;
    if (span !== none) this.#run.traces.mark(span, "workedNs", this.#queue.nowNs);
    if (component.fails()) {
      visit.hasFailed = true;
      visit.failure = component.failure;
      this.finish(visit);
    } else if (component.isCache) {
      this.#lookUp(visit, component);
    } else if (component.isQueue) {
      this.#deliver(visit, component);
      this.finish(visit);
    } else {
      if (!component.holdsSlot) this.#freeSlot(visit, component);
      this.#makeCalls(visit, component);
    }
    return component.index;
  }

  #lookUp(visit: Visit, component: RunComponent): void {
    const { index } = component;
    const outcome =
      component.model.cache === undefined
        ? component.isHit()
          ? "hit"
          : "fetch"
        : this.caches.lookUp(visit, this.#keyOf(visit, index), this.#queue.nowNs);
    this.#statistics.count(index, outcome === "hit" ? cacheHits : cacheMisses);
    if (outcome === "hit") {
      this.finish(visit);
      return;
    }
    if (!component.holdsSlot) this.#freeSlot(visit, component);
    if (outcome === "fetch") {
      this.#makeCalls(visit, component);
    } else {
      visit.stage = collapsed;
      this.#statistics.count(index, collapsedMisses);
    }
  }

  /** A call asks for the same key in each attempt; an attempt that was given up on no longer knows its call. */
  #keyOf(visit: Visit, component: number): number {
    const { call } = visit;
    if (call === undefined || !this.outgoing.isAwaited(visit)) return this.caches.drawKey(component);
    if (call.key === none) call.key = this.caches.drawKey(component);
    return call.key;
  }

  #deliver(visit: Visit, component: RunComponent): void {
    for (const link of component.links) {
      for (let calls = link.calls(); calls > 0; calls--) this.outgoing.make(link, visit, false);
    }
  }

  #makeCalls(visit: Visit, component: RunComponent): void {
    if (component.isBalancer) {
      visit.linkCursor = component.links.length;
      const position = component.chooseLink(visit.session);
      this.#callOne(visit, component.links[position] as RunLink);
    } else if (component.isParallel) {
      for (const link of component.links) {
        for (let calls = link.calls(); calls > 0; calls--) this.#callOne(visit, link);
      }
    } else {
      this.#makeNextCalls(visit, component);
      return;
    }
    if (visit.awaitedCalls === 0) this.finish(visit);
  }

  /** Sequential fan-out: goes on until there is a call to wait for, or none is left. */
  #makeNextCalls(visit: Visit, component: RunComponent): void {
    while (visit.awaitedCalls === 0) {
      if (visit.callsLeft > 0) {
        visit.callsLeft--;
        this.#callOne(visit, component.links[visit.linkCursor] as RunLink);
      } else if (visit.linkCursor + 1 < component.links.length) {
        visit.linkCursor++;
        visit.callsLeft = (component.links[visit.linkCursor] as RunLink).calls();
      } else {
        this.finish(visit);
        return;
      }
    }
  }

  #callOne(visit: Visit, link: RunLink): void {
    if (link.isAwaited) visit.awaitedCalls++;
    this.outgoing.make(link, visit, link.isAwaited);
  }

  /** A request that was admitted is done: its slot is freed and its answer leaves. */
  finish(visit: Visit): void {
    const { component, failure } = visit;
    const { hasFailed } = visit;
    const isKeyed = component.model.cache !== undefined;
    const waiting = isKeyed ? this.caches.endFetch(visit, hasFailed, this.#queue.nowNs) : undefined;
    const { hasSlot } = visit;
    if (hasSlot && component.model.locks !== undefined) this.#unlock(visit, component);
    // The slot is counted as freed before its next holder takes it.
    this.leave(visit, hasSlot);
    for (let next = waiting; next !== undefined; ) {
      // Those that waited for this fetch end as it did, in the order in which they came.
      const following: Visit | undefined = next.next;
      if (hasFailed) {
        next.hasFailed = true;
        next.failure = failure;
      }
      this.finish(next);
      next = following;
    }
  }

  /** The books of a visit that ends are closed, and its answer leaves. */
  leave(visit: Visit, passesSlotOn = false): void {
    const { nowNs } = this.#queue;
    const { component } = visit;
    const residenceNs = nowNs - visit.arrivedNs;
    const { hasFailed } = visit;
    component.counts.leave(nowNs, hasFailed, residenceNs);
    if (passesSlotOn) component.counts.release(nowNs);
    if (!hasFailed) this.#run.latencies.record(component.index, residenceNs);
    const { span } = visit;
    if (span !== none) {
      this.#run.traces.mark(span, "finishedNs", nowNs);
      this.#run.traces.end(span, hasFailed ? "failed" : "completed");
    }
    if (visit.call === undefined) {
      this.#endRequest(visit, component, hasFailed, residenceNs);
      return;
    }
    if (passesSlotOn) this.#passSlotOn(visit, component);
    this.#sendAnswer(visit);
  }

  /** A client has its answer. */
  #endRequest(visit: Visit, component: RunComponent, hasFailed: boolean, residenceNs: number): void {
    const { nowNs } = this.#queue;
    const isOnTime = !this.#run.hasTraits || nowNs <= visit.deadlineNs;
    if (!hasFailed && isOnTime) component.counts.onTime++;
    const { workload } = visit;
    this.#visits.release(visit);
    this.#sources.answered(workload, residenceNs, nowNs);
  }

  #unlock(visit: Visit, component: RunComponent): void {
    const next = this.#locks.release(visit);
    if (next !== undefined) this.work.start(next, component);
  }

  /** The calls that follow need no slot. */
  #freeSlot(visit: Visit, component: RunComponent): void {
    if (component.model.locks !== undefined) this.#unlock(visit, component);
    component.counts.release(this.#queue.nowNs);
    this.#passSlotOn(visit, component);
  }

  #passSlotOn(visit: Visit, component: RunComponent): void {
    visit.hasSlot = false;
    this.#passOn(this.#stations.vacate(visit), visit.instance, component);
  }

  /** Gives slots to those that were taken out of the queue for them, until one of them uses it or nobody waits. */
  #passOn(first: Visit | undefined, instance: number, component: RunComponent): void {
    for (let next = first; next !== undefined; next = this.#stations.takeNext(instance)) {
      if (this.#hasExpired(next, component)) {
        component.counts.leaveQueue(this.#queue.nowNs);
        this.#stations.giveBack(instance);
        this.#expire(next, component);
      } else {
        this.#takeSlot(next, component, true);
      }
    }
    const { capacity } = this.#run;
    if (capacity.isSettling[instance] === 1) capacity.settle(instance, this.#queue.nowNs);
  }

  #sendAnswer(visit: Visit): void {
    const { call } = visit;
    if (call === undefined || !this.outgoing.isAwaited(visit)) {
      this.#visits.release(visit);
      return;
    }
    const { link } = call;
    const delayNs = link.answerNs(visit.answerDelayNs, this.#queue.nowNs);
    if (delayNs === lost) {
      this.#statistics.count(link.to, lostCount);
      this.outgoing.answerLost(call, link);
      this.#visits.release(visit);
      return;
    }
    visit.stage = answered;
    this.#queue.after(delayNs, link.answerLane, answer, visit.index);
  }
}
