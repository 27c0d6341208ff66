/**
 * The caller's side: what becomes of a call from when it is made until its caller knows how it ended.
 *
 * - An attempt needs a breaker that lets it through and, where there is a pool, a connection. Network delay is one draw
 *   per attempt, half each way. A timeout runs from when the attempt is sent.
 * - On a failed answer, a timeout or a refusal it is tried again after a pause, up to `retries` times and within the budget.
 *   There is no retry of what an open breaker refused, nor of an answer that says it is of no use (error-codes.ts).
 * - A hedge is a second attempt beside the first; the first good answer counts.
 * - What a given-up attempt started goes on, unless the link cancels: then the caller's word follows it.
 * - Calls that nobody waits for (asynchronous links, deliveries of queues) are dead-lettered when they fail for good.
 *
 * What fails at once is told by an event of no delay, so that making a call never ends it: stacks stay flat.
 */
import { type Call, connection } from "./call.ts";
import type { CallPool } from "./call-pool.ts";
import { statistic } from "./component-statistics.ts";
import { failure } from "./error-codes.ts";
import { eventKind } from "./event-kinds.ts";
import { type EventQueue, noLane as withoutLane } from "./event-queue.ts";
import { Breakers } from "./resilience/breakers.ts";
import { ConnectionPools } from "./resilience/connection-pools.ts";
import { RetryBudgets } from "./resilience/retry-budgets.ts";
import type { RunComponent } from "./run-component.ts";
import { lost as lostMessage, type RunLink } from "./run-link.ts";
import type { RunState } from "./run-state.ts";
import { none as nothing, stage, type Visit } from "./visit.ts";
import type { VisitPool } from "./visit-pool.ts";

/** The compiler knows a file's own constants; those that are imported are read from memory each time. */
const { cancel, hedge, refusal, request, retry, timeout } = eventKind;
const { free } = stage;
const {
  backlog,
  connectionWaitNs,
  connectionWaits,
  deadLettered,
  hedged,
  lost: lostCount,
  refusedByBreaker,
  refusedByPool,
  retried,
  retriesDenied,
  timedOut,
} = statistic;
const { awaited, held } = connection;
const { isFinal, isNoFault, usual } = failure;
const none = nothing;
const noLane = withoutLane;
const lost = lostMessage;

/** What `handle` answers for an event that something else made obsolete. */
export const obsolete = -1;
const noComponent = obsolete;
/** When a transport gives up on a peer that does not answer at all and the call has no timeout of its own. */
const transportPatienceNs = 30e9;

/** Who makes calls. */
export interface Caller {
  /** A call that the visit waits for is over; when it has failed, `failure` says how (error-codes.ts). */
  callEnded(visit: Visit, hasFailed: boolean, failure: number): void;
}

export class OutgoingCalls {
  readonly #run: RunState;
  readonly #queue: EventQueue;
  readonly #visits: VisitPool;
  readonly #calls: CallPool;
  readonly #caller: Caller;
  readonly #breakers: Breakers;
  readonly #budgets: RetryBudgets;
  readonly #pools: ConnectionPools;
  #attempts = 0;

  constructor(run: RunState, caller: Caller) {
    this.#run = run;
    this.#queue = run.queue;
    this.#visits = run.visits;
    this.#calls = run.calls;
    this.#caller = caller;
    this.#breakers = new Breakers(run.links);
    this.#budgets = new RetryBudgets(run.links);
    this.#pools = new ConnectionPools(run.links);
  }

  /** A visit makes a call; it is told of the end only when it waits for it. */
  make(link: RunLink, visit: Visit, isAwaited: boolean): void {
    const run = this.#run;
    const call = this.#calls.acquire(link, isAwaited ? visit : undefined);
    call.callerInstance = visit.instance - (run.stations.first[link.from] as number);
    if (run.hasTraits) {
      call.workload = visit.workload;
      call.isWrite = visit.isWrite;
      call.session = visit.session;
      call.deadlineNs = visit.deadlineNs;
    }
    const span = visit.span;
    if (span !== none) {
      call.span = span;
      call.madeNs = this.#queue.nowNs;
      call.pausedNs = 0;
      call.connectionNs = 0;
    }
    if (run.canCancel && isAwaited) this.#addSibling(call, visit);
    const from = visit.component;
    if (from.isBalancer) from.linkLoad[link.position] = (from.linkLoad[link.position] as number) + 1;
    this.#begin(call, link);
  }

  /** An answer reaches its caller, or who would be: the component it comes from. */
  onAnswer(visit: Visit): number {
    const { component, attempt, hasFailed, span, failure } = visit;
    const call = visit.call as Call;
    this.#visits.release(visit);
    const isFirst = call.attempt === attempt;
    if (!isFirst && call.hedge !== attempt) return component.index;
    if (span !== none) this.#run.traces.mark(span, "answeredNs", this.#queue.nowNs);
    const { link } = call;
    if (hasFailed && call.hedge !== 0) this.#goOnWithOther(call, link, isFirst);
    else if (hasFailed) this.#failAttempt(call, link, failure);
    else this.#succeed(call, link, isFirst);
    return component.index;
  }

  onTimeout(call: Call): number {
    if (call.dueSequence !== this.#queue.sequence) return noComponent;
    const { link } = call;
    if (call.holdsConnection === awaited) {
      this.#stopWaiting(call, link);
      this.#refuseByPool(call, link);
    } else {
      this.#run.statistics.count(link.to, timedOut);
      if (link.cancels) this.#callOff(call, link);
    }
    this.#failAttempt(call, link, usual);
    return link.to;
  }

  onRetry(call: Call): number {
    if (call.dueSequence !== this.#queue.sequence) return noComponent;
    const { link } = call;
    this.#run.statistics.count(link.to, retried);
    this.#begin(call, link);
    return link.to;
  }

  onRefusal(call: Call): number {
    if (call.dueSequence !== this.#queue.sequence) return noComponent;
    const { link } = call;
    this.#failAttempt(call, link, usual);
    return link.to;
  }

  onHedge(call: Call): number {
    if (call.hedgeSequence !== this.#queue.sequence) return noComponent;
    call.hedgeSequence = 0;
    const { link } = call;
    const needsConnection = call.holdsConnection === held;
    if (needsConnection && !this.#pools.tryExtra(call, link)) return link.to;
    this.#run.statistics.count(link.to, hedged);
    const visit = this.#send(call, link);
    call.hedge = this.#attempts;
    call.hedgeVisit = visit;
    return link.to;
  }

  /** An answer is lost on its way: a call without a timeout of its own fails when the transport gives up. */
  answerLost(call: Call, link: RunLink): void {
    if (link.timeoutNs > 0) return;
    call.dueSequence = this.#queue.after(transportPatienceNs, noLane, refusal, call.index);
  }

  /** Whether the answer to this visit is still waited for. */
  isAwaited(visit: Visit): boolean {
    const { call, attempt } = visit;
    return call !== undefined && (call.attempt === attempt || call.hedge === attempt);
  }

  /** Who made the call is gone: nobody waits for it, and where the link cancels the work behind it ends. */
  abandon(call: Call): void {
    const { link } = call;
    if (link.cancels) this.#callOff(call, link);
    const isAwaited = call.holdsConnection === awaited;
    if (isAwaited) this.#stopWaiting(call, link);
    // Between two attempts there is none that the breaker waits to hear of.
    if (link.breaker !== undefined && (isAwaited || call.attempt !== 0)) {
      this.#breakers.unknown(link, call.callerInstance);
    }
    this.#release(call, link);
  }

  /** After the link's breaker was replaced or taken away. */
  breakerChanged(link: RunLink): void {
    this.#breakers.replaced(link);
  }

  /** Who waits may go on, after the link's pool has become larger. */
  poolChanged(link: RunLink): void {
    for (let instance = 0; instance < this.#pools.instancesOf(link); instance++) this.#grantNext(link, instance);
  }

  #begin(call: Call, link: RunLink): void {
    const attemptsMade = call.attemptsMade + 1;
    call.attemptsMade = attemptsMade;
    if (link.isPlain) {
      this.#sendFirst(call, link);
      return;
    }
    const { nowNs } = this.#queue;
    const instance = call.callerInstance;
    if (attemptsMade === 1) this.#budgets.deposit(link, instance);
    if (link.breaker !== undefined && !this.#breakers.allows(link, instance, nowNs)) {
      this.#run.statistics.count(link.to, refusedByBreaker);
      call.attemptsMade = link.retries + 1;
      this.#refuse(call);
    } else if (link.cut === "reset") {
      this.#reset(call, link);
    } else if (link.maxConnections > 0) {
      this.#connect(call, link);
    } else {
      this.#sendFirst(call, link);
    }
  }

  #connect(call: Call, link: RunLink): void {
    const { statistics } = this.#run;
    const outcome = this.#pools.acquire(call, link);
    if (outcome === "held") {
      this.#sendFirst(call, link);
    } else if (outcome === "refused") {
      this.#refuseByPool(call, link);
      this.#refuse(call);
    } else {
      statistics.shift(link.from, backlog, 1, this.#queue.nowNs);
      call.waitsSinceNs = this.#queue.nowNs;
      const patienceNs = link.connectionTimeoutNs;
      if (patienceNs === 0) return;
      call.dueSequence = this.#queue.after(patienceNs, noLane, timeout, call.index);
    }
  }

  /** The peer was not asked, so the breaker that let the call through has learnt nothing. */
  #refuseByPool(call: Call, link: RunLink): void {
    this.#run.statistics.count(link.to, refusedByPool);
    if (link.breaker !== undefined) this.#breakers.unknown(link, call.callerInstance);
  }

  #refuse(call: Call): void {
    call.dueSequence = this.#queue.after(0, noLane, refusal, call.index);
  }

  #sendFirst(call: Call, link: RunLink): void {
    const visit = this.#send(call, link);
    call.attempt = this.#attempts;
    call.visit = visit;
    if (link.timeoutNs > 0) {
      call.dueSequence = this.#queue.after(link.timeoutNs, link.timeoutLane, timeout, call.index);
    } else if (visit === undefined) {
      call.dueSequence = this.#queue.after(transportPatienceNs, noLane, refusal, call.index);
    }
    if (link.hasHedge) call.hedgeSequence = this.#queue.after(link.hedgeNs, noLane, hedge, call.index);
  }

  /** Sends an attempt, whose number is `#attempts` then; nothing when it is lost on the way. */
  #send(call: Call, link: RunLink): Visit | undefined {
    const roundTripNs = link.roundTripNs();
    const requestDelayNs = Math.round(roundTripNs / 2);
    const attempt = ++this.#attempts;
    const delayNs = link.requestNs(requestDelayNs, this.#queue.nowNs);
    const parent = call.span;
    const span = parent === none ? none : this.#beginSpan(call, link, parent);
    if (delayNs === lost) {
      this.#run.statistics.count(link.to, lostCount);
      return undefined;
    }
    const visit = this.#visits.acquire(this.#run.components[link.to] as RunComponent);
    visit.call = call;
    visit.attempt = attempt;
    visit.answerDelayNs = roundTripNs - requestDelayNs;
    visit.span = span;
    if (this.#run.hasTraits) {
      visit.workload = call.workload;
      visit.isWrite = call.isWrite;
      visit.session = call.session;
      visit.deadlineNs = call.deadlineNs;
    }
    this.#queue.after(delayNs, link.requestLane, request, visit.index);
    return visit;
  }

  #beginSpan(call: Call, link: RunLink, parent: number): number {
    return this.#run.traces.attempt({
      parent,
      component: link.to,
      link: link.index,
      attempt: call.attemptsMade,
      calledNs: call.madeNs,
      sentNs: this.#queue.nowNs,
      pausedNs: call.pausedNs,
      connectionNs: call.connectionNs,
    });
  }

  #succeed(call: Call, link: RunLink, isFirst: boolean): void {
    if (!link.isPlain) {
      if (link.breaker !== undefined) this.#breakers.succeeded(link, call.callerInstance);
      const loser = isFirst ? call.hedge : call.attempt;
      if (link.cancels && loser !== 0) this.#callOffVisit(isFirst ? call.hedgeVisit : call.visit, call, link);
    }
    this.#end(call, link, false, usual);
  }

  /** One of two attempts has failed; the other becomes the call's only one. */
  #goOnWithOther(call: Call, link: RunLink, firstFailed: boolean): void {
    if (firstFailed) {
      call.attempt = call.hedge;
      call.visit = call.hedgeVisit;
    }
    call.hedge = 0;
    if (call.holdsConnection !== held) return;
    this.#pools.release(call, link, 1);
    call.holdsConnection = held;
    this.#grantNext(link, call.callerInstance);
  }

  #failAttempt(call: Call, link: RunLink, failure: number): void {
    const instance = call.callerInstance;
    if (!link.isPlain && link.breaker !== undefined && call.attempt !== 0) {
      if ((failure & isNoFault) === 0) this.#breakers.failed(link, instance, this.#queue.nowNs);
      else this.#breakers.succeeded(link, instance);
    }
    this.#letGo(call, link);
    call.attempt = 0;
    call.hedge = 0;
    call.dueSequence = 0;
    call.hedgeSequence = 0;
    const attemptsMade = call.attemptsMade;
    if ((failure & isFinal) !== 0) {
      this.#end(call, link, true, failure);
    } else if (attemptsMade > link.retries) {
      this.#end(call, link, true, usual);
    } else if (!this.#budgets.take(link, instance)) {
      this.#run.statistics.count(link.to, retriesDenied);
      this.#end(call, link, true, usual);
    } else {
      const pauseNs = link.pauseNs(attemptsMade);
      call.pausedNs = call.pausedNs + pauseNs;
      call.dueSequence = this.#queue.after(pauseNs, noLane, retry, call.index);
    }
  }

  #end(call: Call, link: RunLink, hasFailed: boolean, failure: number): void {
    const { caller } = call;
    this.#release(call, link);
    if (caller !== undefined) this.#caller.callEnded(caller, hasFailed, failure);
    else if (hasFailed) this.#run.statistics.count(link.from, deadLettered);
  }

  #release(call: Call, link: RunLink): void {
    const run = this.#run;
    this.#letGo(call, link);
    if (run.canCancel && call.caller !== undefined) this.#removeSibling(call, call.caller);
    const from = run.components[link.from] as RunComponent;
    if (from.isBalancer) from.linkLoad[link.position] = (from.linkLoad[link.position] as number) - 1;
    this.#calls.release(call);
  }

  /** Gives back the connections that the call holds, and lets the next ones go that wait for one. */
  #letGo(call: Call, link: RunLink): void {
    if (call.holdsConnection !== held) return;
    this.#pools.release(call, link, call.hedge === 0 ? 1 : 2);
    this.#grantNext(link, call.callerInstance);
  }

  #grantNext(link: RunLink, instance: number): void {
    for (;;) {
      const call = this.#pools.nextWaiting(link, instance);
      if (call === undefined) return;
      this.#countWait(call, link);
      call.dueSequence = 0;
      if (link.cut === "reset") this.#reset(call, link);
      else this.#sendFirst(call, link);
    }
  }

  /** The peer's side is closed: a call fails at once, and the breaker hears of it. */
  #reset(call: Call, link: RunLink): void {
    this.#breakers.failed(link, call.callerInstance, this.#queue.nowNs);
    this.#refuse(call);
  }

  #stopWaiting(call: Call, link: RunLink): void {
    this.#pools.leave(call, link);
    this.#countWait(call, link);
  }

  #countWait(call: Call, link: RunLink): void {
    const { nowNs } = this.#queue;
    const { statistics } = this.#run;
    const waitedNs = nowNs - call.waitsSinceNs;
    statistics.shift(link.from, backlog, -1, nowNs);
    statistics.count(link.from, connectionWaits);
    statistics.add(link.from, connectionWaitNs, waitedNs);
    call.connectionNs = call.connectionNs + waitedNs;
  }

  /** The caller's word that it no longer waits goes after the attempts that are under way. */
  #callOff(call: Call, link: RunLink): void {
    if (call.attempt !== 0) this.#callOffVisit(call.visit, call, link);
    if (call.hedge !== 0) this.#callOffVisit(call.hedgeVisit, call, link);
  }

  #callOffVisit(visit: Visit | undefined, call: Call, link: RunLink): void {
    if (visit === undefined || visit.call !== call || visit.stage === free) return;
    if (!this.isAwaited(visit)) return;
    const delayNs = link.requestNs(Math.round(link.roundTripNs() / 2), this.#queue.nowNs);
    if (delayNs === lost) return;
    visit.cancelSequence = this.#queue.after(delayNs, link.requestLane, cancel, visit.index);
  }

  #addSibling(call: Call, visit: Visit): void {
    const first = visit.firstCall;
    call.sibling = first;
    call.elderSibling = undefined;
    if (first !== undefined) first.elderSibling = call;
    visit.firstCall = call;
  }

  #removeSibling(call: Call, caller: Visit): void {
    const { elderSibling: younger, sibling: elder } = call;
    if (younger === undefined) caller.firstCall = elder;
    else younger.sibling = elder;
    if (elder !== undefined) elder.elderSibling = younger;
  }
}
