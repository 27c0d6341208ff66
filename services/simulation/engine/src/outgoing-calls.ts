/**
 * The caller's side: what becomes of a call from when it is made until its caller knows how it ended.
 *
 * - An attempt needs a breaker that lets it through and, where there is a pool, a connection. Network delay is one draw
 *   per attempt, half each way. A timeout runs from when the attempt is sent.
 * - On a failed answer, a timeout or a refusal it is tried again after a pause, up to `retries` times and within the budget.
 *   There is no retry of what an open breaker refused.
 * - A hedge is a second attempt beside the first; the first good answer counts.
 * - What a given-up attempt started goes on, unless the link cancels: then the caller's word follows it.
 * - Calls that nobody waits for (asynchronous links, deliveries of queues) are dead-lettered when they fail for good.
 *
 * What fails at once is told by an event of no delay, so that making a call never ends it: stacks stay flat.
 */
import { type CallPool, connection } from "./call-pool.ts";
import { statistic } from "./component-statistics.ts";
import { eventKind } from "./event-kinds.ts";
import { type EventQueue, noLane } from "./event-queue.ts";
import { Breakers } from "./resilience/breakers.ts";
import { ConnectionPools } from "./resilience/connection-pools.ts";
import { RetryBudgets } from "./resilience/retry-budgets.ts";
import { lost, type RunLink } from "./run-link.ts";
import type { RunState } from "./run-state.ts";
import { none, stage, type VisitPool } from "./visit-pool.ts";

/** What `handle` answers for an event that something else made obsolete. */
export const obsolete = -1;
/** When a transport gives up on a peer that does not answer at all and the call has no timeout of its own. */
const transportPatienceNs = 30e9;

/** Who makes calls. */
export interface Caller {
  /** A call that the visit waits for is over. */
  callEnded(visit: number, hasFailed: boolean): void;
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
    this.#pools = new ConnectionPools(run.calls, run.links);
  }

  /** A visit makes a call; it is told of the end only when it waits for it. */
  make(link: RunLink, visit: number, isAwaited: boolean): void {
    const run = this.#run;
    const calls = this.#calls;
    const visits = this.#visits;
    const call = calls.acquire(link.index, isAwaited ? visit : none);
    calls.callerInstance[call] = (visits.instance[visit] as number) - (run.stations.first[link.from] as number);
    if (run.hasTraits) {
      calls.workload[call] = visits.workload[visit] as number;
      calls.isWrite[call] = visits.isWrite[visit] as number;
      calls.session[call] = visits.session[visit] as number;
      calls.deadlineNs[call] = visits.deadlineNs[visit] as number;
    }
    const span = visits.span[visit] as number;
    if (span !== none) {
      calls.span[call] = span;
      calls.madeNs[call] = this.#queue.nowNs;
      calls.pausedNs[call] = 0;
      calls.connectionNs[call] = 0;
    }
    if (run.canCancel && isAwaited) this.#addSibling(call, visit);
    const from = run.components[link.from];
    if (from?.isBalancer) from.linkLoad[link.position] = (from.linkLoad[link.position] as number) + 1;
    this.#begin(call, link);
  }

  /** An answer reaches its caller, or who would be: the component it comes from. */
  onAnswer(visit: number): number {
    const calls = this.#calls;
    const visits = this.#visits;
    const call = visits.call[visit] as number;
    const component = visits.component[visit] as number;
    const attempt = visits.attempt[visit] as number;
    const hasFailed = visits.hasFailed[visit] === 1;
    const span = visits.span[visit] as number;
    visits.release(visit);
    const isFirst = calls.attempt[call] === attempt;
    if (!isFirst && calls.hedge[call] !== attempt) return component;
    if (span !== none) this.#run.traces.mark(span, "answeredNs", this.#queue.nowNs);
    const link = this.#linkOf(call);
    if (hasFailed && calls.hedge[call] !== 0) this.#goOnWithOther(call, link, isFirst);
    else if (hasFailed) this.#failAttempt(call, link);
    else this.#succeed(call, link, isFirst);
    return component;
  }

  onTimeout(call: number, sequence: number): number {
    if (this.#calls.dueSequence[call] !== sequence) return obsolete;
    const link = this.#linkOf(call);
    if (this.#calls.holdsConnection[call] === connection.awaited) {
      this.#stopWaiting(call, link);
      this.#refuseByPool(call, link);
    } else {
      this.#run.statistics.count(link.to, statistic.timedOut);
      if (link.cancels) this.#callOff(call, link);
    }
    this.#failAttempt(call, link);
    return link.to;
  }

  onRetry(call: number, sequence: number): number {
    if (this.#calls.dueSequence[call] !== sequence) return obsolete;
    const link = this.#linkOf(call);
    this.#run.statistics.count(link.to, statistic.retried);
    this.#begin(call, link);
    return link.to;
  }

  onRefusal(call: number, sequence: number): number {
    if (this.#calls.dueSequence[call] !== sequence) return obsolete;
    const link = this.#linkOf(call);
    this.#failAttempt(call, link);
    return link.to;
  }

  onHedge(call: number, sequence: number): number {
    const calls = this.#calls;
    if (calls.hedgeSequence[call] !== sequence) return obsolete;
    calls.hedgeSequence[call] = 0;
    const link = this.#linkOf(call);
    const needsConnection = calls.holdsConnection[call] === connection.held;
    if (needsConnection && !this.#pools.tryExtra(call, link)) return link.to;
    this.#run.statistics.count(link.to, statistic.hedged);
    const visit = this.#send(call, link);
    calls.hedge[call] = this.#attempts;
    calls.hedgeVisit[call] = visit;
    return link.to;
  }

  /** An answer is lost on its way: a call without a timeout of its own fails when the transport gives up. */
  answerLost(call: number, link: RunLink): void {
    if (link.timeoutNs > 0) return;
    this.#calls.dueSequence[call] = this.#queue.after(transportPatienceNs, noLane, eventKind.refusal, call);
  }

  /** Whether the answer to this visit is still waited for. */
  isAwaited(visit: number): boolean {
    const call = this.#visits.call[visit] as number;
    if (call === none) return false;
    const attempt = this.#visits.attempt[visit] as number;
    return this.#calls.attempt[call] === attempt || this.#calls.hedge[call] === attempt;
  }

  /** Who made the call is gone: nobody waits for it, and where the link cancels the work behind it ends. */
  abandon(call: number): void {
    const link = this.#linkOf(call);
    if (link.cancels) this.#callOff(call, link);
    const isAwaited = this.#calls.holdsConnection[call] === connection.awaited;
    if (isAwaited) this.#stopWaiting(call, link);
    // Between two attempts there is none that the breaker waits to hear of.
    if (link.breaker !== undefined && (isAwaited || this.#calls.attempt[call] !== 0)) {
      this.#breakers.unknown(link, this.#calls.callerInstance[call] as number);
    }
    this.#release(call, link);
  }

  /** Who waits may go on, after the link's pool has become larger. */
  poolChanged(link: RunLink): void {
    for (let instance = 0; instance < this.#pools.instancesOf(link); instance++) this.#grantNext(link, instance);
  }

  #begin(call: number, link: RunLink): void {
    const calls = this.#calls;
    const attemptsMade = (calls.attemptsMade[call] as number) + 1;
    calls.attemptsMade[call] = attemptsMade;
    if (link.isPlain) {
      this.#sendFirst(call, link);
      return;
    }
    const { nowNs } = this.#queue;
    const instance = calls.callerInstance[call] as number;
    if (attemptsMade === 1) this.#budgets.deposit(link, instance);
    if (link.breaker !== undefined && !this.#breakers.allows(link, instance, nowNs)) {
      this.#run.statistics.count(link.to, statistic.refusedByBreaker);
      calls.attemptsMade[call] = link.retries + 1;
      this.#refuse(call);
    } else if (link.cut === "reset") {
      this.#breakers.failed(link, instance, nowNs);
      this.#refuse(call);
    } else if (link.maxConnections > 0) {
      this.#connect(call, link);
    } else {
      this.#sendFirst(call, link);
    }
  }

  #connect(call: number, link: RunLink): void {
    const { statistics } = this.#run;
    const outcome = this.#pools.acquire(call, link);
    if (outcome === "held") {
      this.#sendFirst(call, link);
    } else if (outcome === "refused") {
      this.#refuseByPool(call, link);
      this.#refuse(call);
    } else {
      statistics.shift(link.from, statistic.backlog, 1, this.#queue.nowNs);
      this.#calls.waitsSinceNs[call] = this.#queue.nowNs;
      const patienceNs = link.connectionTimeoutNs;
      if (patienceNs === 0) return;
      this.#calls.dueSequence[call] = this.#queue.after(patienceNs, noLane, eventKind.timeout, call);
    }
  }

  /** The peer was not asked, so the breaker that let the call through has learnt nothing. */
  #refuseByPool(call: number, link: RunLink): void {
    this.#run.statistics.count(link.to, statistic.refusedByPool);
    if (link.breaker !== undefined) this.#breakers.unknown(link, this.#calls.callerInstance[call] as number);
  }

  #refuse(call: number): void {
    this.#calls.dueSequence[call] = this.#queue.after(0, noLane, eventKind.refusal, call);
  }

  #sendFirst(call: number, link: RunLink): void {
    const calls = this.#calls;
    const visit = this.#send(call, link);
    calls.attempt[call] = this.#attempts;
    calls.visit[call] = visit;
    if (link.timeoutNs > 0) {
      calls.dueSequence[call] = this.#queue.after(link.timeoutNs, link.timeoutLane, eventKind.timeout, call);
    } else if (visit === none) {
      calls.dueSequence[call] = this.#queue.after(transportPatienceNs, noLane, eventKind.refusal, call);
    }
    if (link.hasHedge) calls.hedgeSequence[call] = this.#queue.after(link.hedgeNs, noLane, eventKind.hedge, call);
  }

  /** Sends an attempt, whose number is `#attempts` then; `none` when it is lost on the way. */
  #send(call: number, link: RunLink): number {
    const visits = this.#visits;
    const calls = this.#calls;
    const roundTripNs = link.roundTripNs();
    const requestDelayNs = Math.round(roundTripNs / 2);
    const attempt = ++this.#attempts;
    const delayNs = link.requestNs(requestDelayNs, this.#queue.nowNs);
    const parent = calls.span[call] as number;
    const span = parent === none ? none : this.#beginSpan(call, link, parent);
    if (delayNs === lost) {
      this.#run.statistics.count(link.to, statistic.lost);
      return none;
    }
    const visit = visits.acquire(link.to);
    visits.call[visit] = call;
    visits.attempt[visit] = attempt;
    visits.answerDelayNs[visit] = roundTripNs - requestDelayNs;
    visits.span[visit] = span;
    if (this.#run.hasTraits) {
      visits.workload[visit] = calls.workload[call] as number;
      visits.isWrite[visit] = calls.isWrite[call] as number;
      visits.session[visit] = calls.session[call] as number;
      visits.deadlineNs[visit] = calls.deadlineNs[call] as number;
    }
    this.#queue.after(delayNs, link.requestLane, eventKind.request, visit);
    return visit;
  }

  #beginSpan(call: number, link: RunLink, parent: number): number {
    const calls = this.#calls;
    return this.#run.traces.attempt({
      parent,
      component: link.to,
      link: link.index,
      attempt: calls.attemptsMade[call] as number,
      calledNs: calls.madeNs[call] as number,
      sentNs: this.#queue.nowNs,
      pausedNs: calls.pausedNs[call] as number,
      connectionNs: calls.connectionNs[call] as number,
    });
  }

  #succeed(call: number, link: RunLink, isFirst: boolean): void {
    const calls = this.#calls;
    if (!link.isPlain) {
      if (link.breaker !== undefined) this.#breakers.succeeded(link, calls.callerInstance[call] as number);
      const loser = isFirst ? calls.hedge[call] : calls.attempt[call];
      if (link.cancels && loser !== 0)
        this.#callOffVisit(isFirst ? calls.hedgeVisit[call] : calls.visit[call], call, link);
    }
    this.#end(call, link, false);
  }

  /** One of two attempts has failed; the other becomes the call's only one. */
  #goOnWithOther(call: number, link: RunLink, firstFailed: boolean): void {
    const calls = this.#calls;
    if (firstFailed) {
      calls.attempt[call] = calls.hedge[call] as number;
      calls.visit[call] = calls.hedgeVisit[call] as number;
    }
    calls.hedge[call] = 0;
    if (calls.holdsConnection[call] !== connection.held) return;
    this.#pools.release(call, link, 1);
    calls.holdsConnection[call] = connection.held;
    this.#grantNext(link, calls.callerInstance[call] as number);
  }

  #failAttempt(call: number, link: RunLink): void {
    const calls = this.#calls;
    const instance = calls.callerInstance[call] as number;
    if (!link.isPlain && link.breaker !== undefined && calls.attempt[call] !== 0) {
      this.#breakers.failed(link, instance, this.#queue.nowNs);
    }
    this.#letGo(call, link);
    calls.attempt[call] = 0;
    calls.hedge[call] = 0;
    calls.dueSequence[call] = 0;
    calls.hedgeSequence[call] = 0;
    const attemptsMade = calls.attemptsMade[call] as number;
    if (attemptsMade > link.retries) {
      this.#end(call, link, true);
    } else if (!this.#budgets.take(link, instance)) {
      this.#run.statistics.count(link.to, statistic.retriesDenied);
      this.#end(call, link, true);
    } else {
      const pauseNs = link.pauseNs(attemptsMade);
      calls.pausedNs[call] = (calls.pausedNs[call] as number) + pauseNs;
      calls.dueSequence[call] = this.#queue.after(pauseNs, noLane, eventKind.retry, call);
    }
  }

  #end(call: number, link: RunLink, hasFailed: boolean): void {
    const caller = this.#calls.caller[call] as number;
    this.#release(call, link);
    if (caller !== none) this.#caller.callEnded(caller, hasFailed);
    else if (hasFailed) this.#run.statistics.count(link.from, statistic.deadLettered);
  }

  #release(call: number, link: RunLink): void {
    const run = this.#run;
    this.#letGo(call, link);
    if (run.canCancel && this.#calls.caller[call] !== none) this.#removeSibling(call);
    const from = run.components[link.from];
    if (from?.isBalancer) from.linkLoad[link.position] = (from.linkLoad[link.position] as number) - 1;
    this.#calls.release(call);
  }

  /** Gives back the connections that the call holds, and lets the next ones go that wait for one. */
  #letGo(call: number, link: RunLink): void {
    const calls = this.#calls;
    if (calls.holdsConnection[call] !== connection.held) return;
    this.#pools.release(call, link, calls.hedge[call] === 0 ? 1 : 2);
    this.#grantNext(link, calls.callerInstance[call] as number);
  }

  #grantNext(link: RunLink, instance: number): void {
    for (;;) {
      const call = this.#pools.nextWaiting(link, instance);
      if (call === none) return;
      this.#countWait(call, link);
      this.#calls.dueSequence[call] = 0;
      this.#sendFirst(call, link);
    }
  }

  #stopWaiting(call: number, link: RunLink): void {
    this.#pools.leave(call, link);
    this.#countWait(call, link);
  }

  #countWait(call: number, link: RunLink): void {
    const { nowNs } = this.#queue;
    const { statistics } = this.#run;
    const waitedNs = nowNs - (this.#calls.waitsSinceNs[call] as number);
    statistics.shift(link.from, statistic.backlog, -1, nowNs);
    statistics.count(link.from, statistic.connectionWaits);
    statistics.add(link.from, statistic.connectionWaitNs, waitedNs);
    this.#calls.connectionNs[call] = (this.#calls.connectionNs[call] as number) + waitedNs;
  }

  /** The caller's word that it no longer waits goes after the attempts that are under way. */
  #callOff(call: number, link: RunLink): void {
    const calls = this.#calls;
    if (calls.attempt[call] !== 0) this.#callOffVisit(calls.visit[call], call, link);
    if (calls.hedge[call] !== 0) this.#callOffVisit(calls.hedgeVisit[call], call, link);
  }

  #callOffVisit(visit: number | undefined, call: number, link: RunLink): void {
    const visits = this.#visits;
    if (visit === undefined || visit === none || visits.call[visit] !== call || visits.stage[visit] === stage.free)
      return;
    if (!this.isAwaited(visit)) return;
    const delayNs = link.requestNs(Math.round(link.roundTripNs() / 2), this.#queue.nowNs);
    if (delayNs === lost) return;
    visits.cancelSequence[visit] = this.#queue.after(delayNs, link.requestLane, eventKind.cancel, visit);
  }

  #addSibling(call: number, visit: number): void {
    const { sibling, elderSibling } = this.#calls;
    const first = this.#visits.firstCall[visit] as number;
    sibling[call] = first;
    elderSibling[call] = none;
    if (first !== none) elderSibling[first] = call;
    this.#visits.firstCall[visit] = call;
  }

  #removeSibling(call: number): void {
    const { sibling, elderSibling, caller } = this.#calls;
    const [younger, elder] = [elderSibling[call] as number, sibling[call] as number];
    if (younger === none) this.#visits.firstCall[caller[call] as number] = elder;
    else sibling[younger] = elder;
    if (elder !== none) elderSibling[elder] = younger;
  }

  #linkOf(call: number): RunLink {
    return this.#run.links[this.#calls.link[call] as number] as RunLink;
  }
}
