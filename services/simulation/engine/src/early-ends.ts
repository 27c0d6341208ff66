/**
 * What ends a visit before its time: its instance dies with all that it holds, or its caller's word comes that it no longer waits.
 *
 * It fails where it stands. What it holds goes on to others, and the calls that it waits for are nobody's business any more.
 */
import { type Call, connection } from "./call.ts";
import { statistic } from "./component-statistics.ts";
import { failure } from "./error-codes.ts";
import { obsolete } from "./outgoing-calls.ts";
import type { RequestFlow } from "./request-flow.ts";
import type { RunState } from "./run-state.ts";
import { isPresentIn, stage, type Visit } from "./visit.ts";

export class EarlyEnds {
  readonly #run: RunState;
  readonly #flow: RequestFlow;

  constructor(run: RunState, flow: RequestFlow) {
    this.#run = run;
    this.#flow = flow;
  }

  /** Everything that the instance holds fails now, as when its process dies. */
  failAll(instance: number): void {
    // Who waits for a token has no instance yet.
    const held = this.#run.visits.all.filter((visit) => {
      return visit.instance === instance && visit.stage !== stage.limited && isPresentIn(visit.stage);
    });
    if (held.length === 0) return;
    this.#abandonCallsOf(new Set(held));
    // Those in the queue first, so that no slot is passed on to them.
    const rank = (visit: Visit) => (visit.stage === stage.queued ? 0 : 1);
    for (const visit of held.sort((a, b) => rank(a) - rank(b))) {
      // The end of a fetch in a cache ends those that waited for it as well.
      if (!isPresentIn(visit.stage)) continue;
      visit.awaitedCalls = 0;
      this.#leave(visit);
    }
  }

  /** The caller's word reaches the visit. Answers the component it happened at, or `obsolete`. */
  onCancel(visit: Visit): number {
    if (visit.cancelSequence !== this.#run.queue.sequence) return obsolete;
    const { component, stage: stageNow } = visit;
    visit.cancelSequence = 0;
    if (stageNow === stage.travelling) {
      visit.isCancelled = true;
    } else if (isPresentIn(stageNow) && stageNow !== stage.collapsed) {
      this.#run.statistics.count(component.index, statistic.cancelled);
      const { outgoing } = this.#flow;
      for (let call = visit.firstCall; call !== undefined; call = visit.firstCall) outgoing.abandon(call);
      visit.awaitedCalls = 0;
      this.#leave(visit);
    }
    return component.index;
  }

  #leave(visit: Visit): void {
    const { component, stage: stageNow } = visit;
    visit.hasFailed = true;
    visit.failure = failure.usual;
    visit.dueSequence = 0;
    if (stageNow === stage.queued) {
      this.#run.stations.remove(visit);
      component.counts.leaveQueue(this.#run.queue.nowNs);
      this.#flow.leave(visit);
    } else if (stageNow === stage.limited) {
      this.#flow.leave(visit);
    } else {
      if (stageNow === stage.working) this.#flow.work.stop(visit);
      // Who waits for another's fetch ends with that one.
      if (stageNow !== stage.collapsed) this.#flow.finish(visit);
    }
  }

  #abandonCallsOf(visits: ReadonlySet<Visit>): void {
    const theirs = this.#run.calls.all.filter(
      ({ isFree, caller }) => !isFree && caller !== undefined && visits.has(caller),
    );
    // Those that wait for a connection first, so that none of them is sent for one that another gives back.
    const rank = (call: Call) => (call.holdsConnection === connection.awaited ? 0 : 1);
    for (const call of theirs.sort((a, b) => rank(a) - rank(b))) this.#flow.outgoing.abandon(call);
  }
}
