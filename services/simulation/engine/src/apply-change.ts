/**
 * Makes changes take effect. What they name must be there, and what they set must be possible: check-change.ts says what is
 * wrong before anything is changed.
 */
import type { Change } from "./changes.ts";
import { isRetryableByDefault, usualCode } from "./error-codes.ts";
import { eventKind } from "./event-kinds.ts";
import { noLane } from "./event-queue.ts";
import type { RequestFlow } from "./request-flow.ts";
import type { RunComponent } from "./run-component.ts";
import type { RunLink } from "./run-link.ts";
import type { RunState } from "./run-state.ts";
import { stage } from "./visit.ts";
import type { WorkloadSources } from "./workload-sources.ts";

const nsPerMs = 1e6;

export class ChangeApplier {
  readonly #run: RunState;
  readonly #flow: RequestFlow;
  readonly #sources: WorkloadSources;
  /** Instances that are down and took requests until callers noticed. */
  readonly #wereMembers = new Set<number>();

  constructor(run: RunState, flow: RequestFlow, sources: WorkloadSources) {
    this.#run = run;
    this.#flow = flow;
    this.#sources = sources;
  }

  /** Throws ModelError, changing nothing, when a load is too much for a workload. Everything else was checked before. */
  apply(change: Change): void {
    if ("link" in change) this.#changeLink(change, this.#link(change.link));
    else if ("component" in change) this.#changeComponent(change, this.#component(change.component));
    else this.#changeWorkloads(change);
  }

  #changeWorkloads(change: Extract<Change, { workload: string } | { load: number }>): void {
    const { nowNs } = this.#run.queue;
    if (change.kind === "load") {
      this.#sources.setLoad(change.load, nowNs);
      return;
    }
    const workload = this.#run.model.workloads.findIndex(({ id }) => id === change.workload);
    if (change.kind === "workload") {
      this.#sources.setFactor(workload, change.factor, nowNs);
      return;
    }
    if (change.kind === "sessions") {
      this.#flow.traits.shiftSessions(workload, change.skew, change.hotShare ?? 0);
      return;
    }
    this.#sources.addOnce(workload, change.requests);
    for (let request = 0; request < change.requests; request++) this.#flow.originate(workload);
  }

  #changeLink(change: Extract<Change, { link: string }>, link: RunLink): void {
    switch (change.kind) {
      case "delay":
        link.delay(change.extra, change.share);
        return;
      case "loss":
        link.lose(change.ratio, change.retransmitMs);
        return;
      case "cut":
        link.cut = change.how;
        break;
      case "bandwidth":
        link.throttle(change.factor);
        return;
      case "retries":
        this.#setRetries(change, link);
        break;
      case "hedge":
        link.hedgeAfter(change.afterMs);
        return;
      case "breaker":
        link.breaker = change.breaker && { ...change.breaker, probes: change.breaker.probes ?? 1 };
        this.#flow.outgoing.breakerChanged(link);
        break;
      case "connections":
        link.maxConnections = change.connections;
        link.settle();
        this.#flow.outgoing.poolChanged(link);
        return;
    }
    link.settle();
  }

  #setRetries(change: Extract<Change, { kind: "retries" }>, link: RunLink): void {
    const own = this.#run.model.links[link.index];
    link.retries = change.retries;
    link.retryBackoffMs = change.backoffMs;
    link.retryBudget = change.keepsBudget ? own?.retryBudget : undefined;
    link.hasJitter = (change.jitter ?? own?.retryJitter) === "full";
  }

  #changeComponent(change: Extract<Change, { component: string }>, component: RunComponent): void {
    switch (change.kind) {
      case "work":
        for (const instance of this.#instances(component, change.instance)) {
          this.#flow.work.setFactor(instance, change.factor);
        }
        return;
      case "errors": {
        const { ratio, code = usualCode, isRetryable = isRetryableByDefault(code) } = change;
        component.setErrors(code, ratio, isRetryable);
        return;
      }
      case "down":
        for (const number of change.instances) this.#stop(component, number, change);
        return;
      case "up":
        for (const number of change.instances) this.#start(component, number);
        return;
      case "pause":
        for (const instance of this.#instances(component, change.instance)) {
          this.#flow.work.pause(instance, Math.round(change.lengthMs * nsPerMs));
        }
        return;
      case "slots":
        for (const instance of this.#instances(component)) {
          this.#run.stations.slots[instance] = change.slots;
          this.#run.capacity.settle(instance, this.#run.queue.nowNs);
          this.#flow.fillSlots(instance);
        }
        return;
      case "hits":
        component.hitFactor = change.factor;
        return;
      case "flush":
        this.#flow.caches.flush(component.index);
        return;
      case "keys":
        this.#flow.caches.shiftKeys(component.index, change.skew, change.hotShare ?? 0);
        return;
      case "rate_limit":
        this.#flow.limiters.scale(component.index, change, this.#run.queue.nowNs);
        this.#retimeLimited(component.index);
    }
  }

  /** Who waits for a token gets it when the rate of now says, in the order of before. */
  #retimeLimited(component: number): void {
    const { visits, queue } = this.#run;
    const waiting = visits.all
      .filter((visit) => visit.stage === stage.limited && visit.component.index === component)
      .sort((a, b) => a.dueSequence - b.dueSequence);
    for (const [place, visit] of waiting.entries()) {
      const waitNs = this.#flow.limiters.waitNs(component, waiting.length - 1 - place);
      visit.dueSequence = queue.after(waitNs, noLane, eventKind.token, visit.index);
    }
  }

  #stop(component: RunComponent, number: number, { inFlight, isNoticed }: Extract<Change, { kind: "down" }>): void {
    const { stations, capacity, queue } = this.#run;
    const instance = (stations.first[component.index] as number) + number;
    if (stations.isDown[instance] === 1) return;
    stations.isDown[instance] = 1;
    if (isNoticed && stations.isMember(instance)) {
      this.#wereMembers.add(instance);
      stations.setMember(instance, false);
    }
    capacity.settle(instance, queue.nowNs);
    if (inFlight === "fail") this.#flow.failAll(instance);
  }

  #start(component: RunComponent, number: number): void {
    const { stations, capacity, queue } = this.#run;
    const instance = (stations.first[component.index] as number) + number;
    if (stations.isDown[instance] === 0) return;
    stations.isDown[instance] = 0;
    this.#flow.caches.flushInstance(component.index, instance);
    if (this.#wereMembers.delete(instance)) stations.setMember(instance, true);
    capacity.settle(instance, queue.nowNs);
    this.#flow.fillSlots(instance);
  }

  #instances({ index, model }: RunComponent, number?: number): number[] {
    const first = this.#run.stations.first[index] as number;
    if (number !== undefined) return [first + number];
    return Array.from({ length: model.maxInstances }, (_, each) => first + each);
  }

  #component(id: string): RunComponent {
    return this.#run.components.find(({ model }) => model.id === id) as RunComponent;
  }

  #link(id: string): RunLink {
    return this.#run.links.find((link) => link.id === id) as RunLink;
  }
}
