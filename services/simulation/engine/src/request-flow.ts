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
 * architecture. What a caller does is in outgoing-calls.ts.
 */
import { KeyedCaches } from "./cache/keyed-caches.ts";
import type { CallPool } from "./call-pool.ts";
import { type ComponentStatistics, statistic } from "./component-statistics.ts";
import { eventKind } from "./event-kinds.ts";
import { type EventQueue, noLane } from "./event-queue.ts";
import { type Caller, OutgoingCalls, obsolete } from "./outgoing-calls.ts";
import { OwnWork } from "./own-work.ts";
import { RequestTraits } from "./request-traits.ts";
import { RateLimiters, refused } from "./resilience/rate-limiters.ts";
import { RowLocks } from "./resilience/row-locks.ts";
import type { RunComponent } from "./run-component.ts";
import { lost, type RunLink } from "./run-link.ts";
import type { RunState } from "./run-state.ts";
import { place, type Stations } from "./stations.ts";
import { isPresentIn, none, stage, type VisitPool } from "./visit-pool.ts";
import type { WorkloadSources } from "./workload-sources.ts";

export class RequestFlow implements Caller {
  readonly outgoing: OutgoingCalls;
  readonly caches: KeyedCaches;
  readonly limiters: RateLimiters;
  readonly work: OwnWork;
  readonly #run: RunState;
  readonly #queue: EventQueue;
  readonly #visits: VisitPool;
  readonly #calls: CallPool;
  readonly #stations: Stations;
  readonly #statistics: ComponentStatistics;
  readonly #sources: WorkloadSources;
  readonly #locks: RowLocks;
  readonly #traits: RequestTraits;

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
    this.#locks = new RowLocks(visits, model.components.length);
    this.#traits = new RequestTraits(run);
  }

  /** Lets one event of a request happen. Answers the component it happened at, or `obsolete`. */
  handle(kind: number, subject: number, sequence: number): number {
    switch (kind) {
      case eventKind.arrival:
        return this.#sources.takeArrival(subject, sequence, this.#queue.nowNs) ? this.originate(subject) : obsolete;
      case eventKind.thinkEnd:
        return this.#sources.takeThinkEnd(subject) ? this.originate(subject) : obsolete;
      case eventKind.request:
        return this.#onRequest(subject);
      case eventKind.workEnd:
        return this.#visits.dueSequence[subject] === sequence ? this.#onWorkEnd(subject) : obsolete;
      case eventKind.answer:
        return this.outgoing.onAnswer(subject);
      case eventKind.cancel:
        return this.#visits.cancelSequence[subject] === sequence ? this.#onCancel(subject) : obsolete;
      case eventKind.token:
        return this.#visits.dueSequence[subject] === sequence ? this.#admit(subject) : obsolete;
      case eventKind.timeout:
        return this.outgoing.onTimeout(subject, sequence);
      case eventKind.retry:
        return this.outgoing.onRetry(subject, sequence);
      case eventKind.refusal:
        return this.outgoing.onRefusal(subject, sequence);
      case eventKind.hedge:
        return this.outgoing.onHedge(subject, sequence);
      default:
        return this.#onCoreEnd(subject, sequence);
    }
  }

  /** A workload's client sends a request. Answers the client. */
  originate(workload: number): number {
    const visits = this.#visits;
    const run = this.#run;
    const { nowNs } = this.#queue;
    const { client } = run.model.workloads[workload] as RunState["model"]["workloads"][number];
    const visit = visits.acquire(client);
    visits.instance[visit] = this.#stations.first[client] as number;
    visits.workload[visit] = workload;
    visits.stage[visit] = stage.calling;
    visits.arrivedNs[visit] = nowNs;
    if (run.hasTraits) this.#traits.draw(visit, workload, nowNs);
    this.#statistics.arrive(client, nowNs);
    visits.span[visit] = run.traces.begin(client, nowNs);
    this.#makeCalls(visit, this.#component(client));
    return client;
  }

  /** Everything that the instance holds fails now, as when its process dies. */
  failAll(instance: number): void {
    const { stage: stages, instance: instances, used } = this.#visits;
    const held: number[] = [];
    for (let visit = 0; visit < used; visit++) {
      // Who waits for a token has no instance yet.
      if (instances[visit] !== instance || stages[visit] === stage.limited) continue;
      if (isPresentIn(stages[visit] as number)) held.push(visit);
    }
    if (held.length === 0) return;
    this.#abandonCallsOf(new Set(held));
    // Those in the queue first, so that no slot is passed on to them.
    const rank = (visit: number) => (stages[visit] === stage.queued ? 0 : 1);
    for (const visit of held.sort((a, b) => rank(a) - rank(b))) {
      // The end of a fetch in a cache ends those that waited for it as well.
      if (!isPresentIn(stages[visit] as number)) continue;
      this.#visits.awaitedCalls[visit] = 0;
      this.#leaveEarly(visit);
    }
  }

  /** Who waits may have slots that are free now. */
  fillSlots(instance: number): void {
    const component = this.#stations.component[instance] as number;
    if (this.#stations.isDown[instance] === 0) this.#passOn(this.#stations.takeNext(instance), instance, component);
  }

  callEnded(visit: number, hasFailed: boolean): void {
    const visits = this.#visits;
    const component = this.#component(visits.component[visit] as number);
    const awaitedCalls = (visits.awaitedCalls[visit] as number) - 1;
    visits.awaitedCalls[visit] = awaitedCalls;
    if (hasFailed) visits.hasFailed[visit] = 1;
    if (awaitedCalls > 0) return;
    // Only a sequential fan-out has calls left when none is awaited; a failure ends it early.
    if (component.isParallel || visits.hasFailed[visit] === 1) this.#finish(visit);
    else this.#makeNextCalls(visit, component);
  }

  #onRequest(visit: number): number {
    const visits = this.#visits;
    const component = visits.component[visit] as number;
    if (visits.isCancelled[visit] === 1) {
      visits.release(visit);
      return component;
    }
    const { nowNs } = this.#queue;
    visits.arrivedNs[visit] = nowNs;
    this.#statistics.arrive(component, nowNs);
    const span = visits.span[visit] as number;
    if (span !== none) this.#run.traces.mark(span, "arrivedNs", nowNs);
    if (!this.limiters.limits(component)) return this.#admit(visit);
    visits.stage[visit] = stage.limited;
    const waitNs = this.limiters.admit(component, nowNs);
    if (waitNs === refused) {
      this.#statistics.count(component, statistic.limited);
      this.#shed(visit, component);
    } else if (waitNs === 0) {
      this.#admit(visit);
    } else {
      if (span !== none) this.#run.traces.mark(span, "tokenNs", nowNs + waitNs);
      visits.dueSequence[visit] = this.#queue.after(waitNs, noLane, eventKind.token, visit);
    }
    return component;
  }

  #admit(visit: number): number {
    const visits = this.#visits;
    const component = visits.component[visit] as number;
    const outcome = this.#stations.admit(visit);
    if (outcome === place.slot) {
      if (this.#hasExpired(visit, component)) {
        this.#stations.giveBack(visits.instance[visit] as number);
        this.#expire(visit, component);
      } else {
        this.#takeSlot(visit, component, false);
      }
    } else if (outcome === place.queue) {
      visits.stage[visit] = stage.queued;
      if (this.#stations.evicted !== none) this.#evict(this.#stations.evicted, component);
      this.#statistics.enqueue(component, this.#queue.nowNs);
    } else if (outcome === place.shed) {
      this.#shed(visit, component);
    } else {
      visits.stage[visit] = stage.calling;
      visits.hasFailed[visit] = 1;
      this.#leave(visit);
    }
    return component;
  }

  #evict(visit: number, component: number): void {
    this.#statistics.leaveQueue(component, this.#queue.nowNs);
    this.#shed(visit, component);
  }

  #shed(visit: number, component: number): void {
    const { nowNs } = this.#queue;
    this.#statistics.shed(component, nowNs, nowNs - (this.#visits.arrivedNs[visit] as number));
    this.#visits.hasFailed[visit] = 1;
    const span = this.#visits.span[visit] as number;
    if (span !== none) this.#run.traces.end(span, "shed");
    this.#sendAnswer(visit);
  }

  #hasExpired(visit: number, component: number): boolean {
    if (!this.#run.hasTraits || !this.#component(component).model.dropsExpired) return false;
    return (this.#visits.deadlineNs[visit] as number) < this.#queue.nowNs;
  }

  #expire(visit: number, component: number): void {
    this.#statistics.count(component, statistic.expired);
    this.#visits.hasFailed[visit] = 1;
    this.#leave(visit);
  }

  #takeSlot(visit: number, component: number, isFromQueue: boolean): void {
    const visits = this.#visits;
    const { nowNs } = this.#queue;
    const waitedNs = nowNs - (visits.arrivedNs[visit] as number);
    visits.hasSlot[visit] = 1;
    this.#statistics.takeSlot(component, nowNs, isFromQueue, waitedNs);
    if (isFromQueue) this.#run.waits.record(component, waitedNs);
    const own = this.#component(component);
    if (own.model.locks !== undefined) {
      const row = own.lockedRow(visits.isWrite[visit] === 1, this.#traits.writesAreKnown);
      if (row !== undefined && !this.#locks.acquire(visit, row)) {
        visits.stage[visit] = stage.locked;
        const span = visits.span[visit] as number;
        if (span !== none) this.#run.traces.mark(span, "lockedNs", nowNs);
        return;
      }
    }
    this.work.start(visit, own);
  }

  #onWorkEnd(visit: number): number {
    return this.work.ends(visit) ? this.#endWork(visit) : obsolete;
  }

  #onCoreEnd(instance: number, sequence: number): number {
    const visit = this.work.takeEnd(instance, sequence);
    return visit === none ? obsolete : this.#endWork(visit);
  }

  #endWork(visit: number): number {
    const visits = this.#visits;
    const index = visits.component[visit] as number;
    const component = this.#component(index);
    this.#statistics.endWork(index, this.#queue.nowNs);
    visits.stage[visit] = stage.calling;
    const span = visits.span[visit] as number;
    if (span !== none) this.#run.traces.mark(span, "workedNs", this.#queue.nowNs);
    if (component.fails()) {
      visits.hasFailed[visit] = 1;
      this.#finish(visit);
    } else if (component.isCache) {
      this.#lookUp(visit, component);
    } else if (component.isQueue) {
      this.#deliver(visit, component);
      this.#finish(visit);
    } else {
      if (!component.holdsSlot) this.#freeSlot(visit, index);
      this.#makeCalls(visit, component);
    }
    return index;
  }

  #lookUp(visit: number, component: RunComponent): void {
    const { index } = component;
    const outcome =
      component.model.cache === undefined
        ? component.isHit()
          ? "hit"
          : "fetch"
        : this.caches.lookUp(visit, this.#keyOf(visit, index), this.#queue.nowNs);
    this.#statistics.count(index, outcome === "hit" ? statistic.cacheHits : statistic.cacheMisses);
    if (outcome === "hit") {
      this.#finish(visit);
      return;
    }
    if (!component.holdsSlot) this.#freeSlot(visit, index);
    if (outcome === "fetch") {
      this.#makeCalls(visit, component);
    } else {
      this.#visits.stage[visit] = stage.collapsed;
      this.#statistics.count(index, statistic.collapsedMisses);
    }
  }

  /** A call asks for the same key in each attempt; an attempt that was given up on no longer knows its call. */
  #keyOf(visit: number, component: number): number {
    if (!this.outgoing.isAwaited(visit)) return this.caches.drawKey(component);
    const call = this.#visits.call[visit] as number;
    const drawn = this.#calls.key[call] as number;
    if (drawn !== none) return drawn;
    const key = this.caches.drawKey(component);
    this.#calls.key[call] = key;
    return key;
  }

  #deliver(visit: number, component: RunComponent): void {
    for (const link of component.links) {
      for (let calls = link.calls(); calls > 0; calls--) this.outgoing.make(link, visit, false);
    }
  }

  #makeCalls(visit: number, component: RunComponent): void {
    const visits = this.#visits;
    if (component.isBalancer) {
      visits.linkCursor[visit] = component.links.length;
      const position = component.chooseLink(visits.session[visit] as number);
      this.#callOne(visit, component.links[position] as RunLink);
    } else if (component.isParallel) {
      for (const link of component.links) {
        for (let calls = link.calls(); calls > 0; calls--) this.#callOne(visit, link);
      }
    } else {
      this.#makeNextCalls(visit, component);
      return;
    }
    if (visits.awaitedCalls[visit] === 0) this.#finish(visit);
  }

  /** Sequential fan-out: goes on until there is a call to wait for, or none is left. */
  #makeNextCalls(visit: number, component: RunComponent): void {
    const visits = this.#visits;
    // The columns are read anew each time: a call takes a visit, which may make them grow.
    while (visits.awaitedCalls[visit] === 0) {
      const cursor = visits.linkCursor[visit] as number;
      const callsLeft = visits.callsLeft[visit] as number;
      if (callsLeft > 0) {
        visits.callsLeft[visit] = callsLeft - 1;
        this.#callOne(visit, component.links[cursor] as RunLink);
      } else if (cursor + 1 < component.links.length) {
        visits.linkCursor[visit] = cursor + 1;
        visits.callsLeft[visit] = (component.links[cursor + 1] as RunLink).calls();
      } else {
        this.#finish(visit);
        return;
      }
    }
  }

  #callOne(visit: number, link: RunLink): void {
    if (link.isAwaited) this.#visits.awaitedCalls[visit] = (this.#visits.awaitedCalls[visit] as number) + 1;
    this.outgoing.make(link, visit, link.isAwaited);
  }

  /** A request that was admitted is done: its slot is freed and its answer leaves. */
  #finish(visit: number): void {
    const visits = this.#visits;
    const component = visits.component[visit] as number;
    const hasFailed = visits.hasFailed[visit] === 1;
    const isKeyed = this.caches.isKeyed[component] === 1;
    const waiting = isKeyed ? this.caches.endFetch(visit, hasFailed, this.#queue.nowNs) : none;
    const hasSlot = visits.hasSlot[visit] === 1;
    if (hasSlot && this.#component(component).model.locks !== undefined) this.#unlock(visit, component);
    // The slot is counted as freed before its next holder takes it.
    this.#leave(visit, hasSlot);
    for (let next = waiting; next !== none; ) {
      // Those that waited for this fetch end as it did, in the order in which they came.
      const following = visits.next[next] as number;
      if (hasFailed) visits.hasFailed[next] = 1;
      this.#finish(next);
      next = following;
    }
  }

  /** The books of a visit that ends are closed, and its answer leaves. */
  #leave(visit: number, passesSlotOn = false): void {
    const visits = this.#visits;
    const { nowNs } = this.#queue;
    const component = visits.component[visit] as number;
    const residenceNs = nowNs - (visits.arrivedNs[visit] as number);
    const hasFailed = visits.hasFailed[visit] === 1;
    this.#statistics.leave(component, nowNs, hasFailed, residenceNs, passesSlotOn);
    if (!hasFailed) this.#run.latencies.record(component, residenceNs);
    const span = visits.span[visit] as number;
    if (span !== none) {
      this.#run.traces.mark(span, "finishedNs", nowNs);
      this.#run.traces.end(span, hasFailed ? "failed" : "completed");
    }
    if (visits.call[visit] === none) {
      this.#endRequest(visit, component, hasFailed, residenceNs);
      return;
    }
    if (passesSlotOn) this.#passSlotOn(visit, component);
    this.#sendAnswer(visit);
  }

  /** A client has its answer. */
  #endRequest(visit: number, component: number, hasFailed: boolean, residenceNs: number): void {
    const visits = this.#visits;
    const { nowNs } = this.#queue;
    const isOnTime = !this.#run.hasTraits || nowNs <= (visits.deadlineNs[visit] as number);
    if (!hasFailed && isOnTime) this.#statistics.count(component, statistic.onTime);
    const workload = visits.workload[visit] as number;
    visits.release(visit);
    this.#sources.answered(workload, residenceNs, nowNs);
  }

  #unlock(visit: number, component: number): void {
    const next = this.#locks.release(visit);
    if (next !== none) this.work.start(next, this.#component(component));
  }

  /** The calls that follow need no slot. */
  #freeSlot(visit: number, component: number): void {
    if (this.#component(component).model.locks !== undefined) this.#unlock(visit, component);
    this.#statistics.release(component, this.#queue.nowNs);
    this.#passSlotOn(visit, component);
  }

  #passSlotOn(visit: number, component: number): void {
    this.#visits.hasSlot[visit] = 0;
    this.#passOn(this.#stations.vacate(visit), this.#visits.instance[visit] as number, component);
  }

  /** Gives slots to those that were taken out of the queue for them, until one of them uses it or nobody waits. */
  #passOn(first: number, instance: number, component: number): void {
    for (let next = first; next !== none; next = this.#stations.takeNext(instance)) {
      if (this.#hasExpired(next, component)) {
        this.#statistics.leaveQueue(component, this.#queue.nowNs);
        this.#stations.giveBack(instance);
        this.#expire(next, component);
      } else {
        this.#takeSlot(next, component, true);
      }
    }
  }

  #sendAnswer(visit: number): void {
    const visits = this.#visits;
    if (!this.outgoing.isAwaited(visit)) {
      visits.release(visit);
      return;
    }
    const link = this.#run.links[this.#calls.link[visits.call[visit] as number] as number] as RunLink;
    const delayNs = link.answerNs(visits.answerDelayNs[visit] as number, this.#queue.nowNs);
    if (delayNs === lost) {
      this.#statistics.count(link.to, statistic.lost);
      this.outgoing.answerLost(visits.call[visit] as number, link);
      visits.release(visit);
      return;
    }
    visits.stage[visit] = stage.answered;
    this.#queue.after(delayNs, link.answerLane, eventKind.answer, visit);
  }

  /** The caller no longer waits: what is still to be done for it is not. */
  #onCancel(visit: number): number {
    const visits = this.#visits;
    const component = visits.component[visit] as number;
    const stageNow = visits.stage[visit] as number;
    visits.cancelSequence[visit] = 0;
    if (stageNow === stage.travelling) {
      visits.isCancelled[visit] = 1;
    } else if (isPresentIn(stageNow) && stageNow !== stage.collapsed) {
      this.#statistics.count(component, statistic.cancelled);
      for (let call = visits.firstCall[visit] as number; call !== none; call = visits.firstCall[visit] as number) {
        this.outgoing.abandon(call);
      }
      visits.awaitedCalls[visit] = 0;
      this.#leaveEarly(visit);
    }
    return component;
  }

  /** A visit fails where it stands; its calls are nobody's business any more. */
  #leaveEarly(visit: number): void {
    const visits = this.#visits;
    const { nowNs } = this.#queue;
    const component = visits.component[visit] as number;
    const stageNow = visits.stage[visit] as number;
    visits.hasFailed[visit] = 1;
    visits.dueSequence[visit] = 0;
    if (stageNow === stage.queued) {
      this.#stations.remove(visit);
      this.#statistics.leaveQueue(component, nowNs);
      this.#leave(visit);
    } else if (stageNow === stage.limited) {
      this.#leave(visit);
    } else {
      if (stageNow === stage.working) this.work.stop(visit);
      if (stageNow === stage.collapsed) return;
      this.#finish(visit);
    }
  }

  /** The calls that these visits wait for go on for nobody. */
  #abandonCallsOf(visits: ReadonlySet<number>): void {
    const { link, caller, used } = this.#calls;
    for (let call = 0; call < used; call++) {
      if (link[call] !== none && visits.has(caller[call] as number)) this.outgoing.abandon(call);
    }
  }

  #component(index: number): RunComponent {
    return this.#run.components[index] as RunComponent;
  }
}
