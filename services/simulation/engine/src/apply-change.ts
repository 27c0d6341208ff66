/**
 * Makes changes take effect. What they name must be there, and what they set must be possible: `checkChange` says what is
 * wrong before anything is changed.
 */
import type { Change } from "./changes.ts";
import { checkLoad } from "./check-architecture.ts";
import { distributionIssues } from "./check-distribution.ts";
import { eventKind } from "./event-kinds.ts";
import { noLane } from "./event-queue.ts";
import type { Model, ModelComponent } from "./model.ts";
import type { ModelIssue } from "./model-error.ts";
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
    this.#sources.addOnce(workload, change.requests);
    for (let request = 0; request < change.requests; request++) this.#flow.originate(workload);
  }

  #changeLink(change: Extract<Change, { link: string }>, link: RunLink): void {
    switch (change.kind) {
      case "delay":
        link.delay(change.extra, change.share);
        return;
      case "loss":
        link.lossRatio = change.ratio;
        break;
      case "cut":
        link.cut = change.how;
        break;
      case "bandwidth":
        link.throttle(change.factor);
        return;
      case "retries":
        link.retries = change.retries;
        link.retryBackoffMs = change.backoffMs;
        link.retryBudget = change.keepsBudget ? this.#run.model.links[link.index]?.retryBudget : undefined;
        break;
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

  #changeComponent(change: Extract<Change, { component: string }>, component: RunComponent): void {
    switch (change.kind) {
      case "work":
        for (const instance of this.#instances(component, change.instance)) {
          this.#flow.work.setFactor(instance, change.factor);
        }
        return;
      case "errors":
        component.errorRatio = change.ratio;
        return;
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
      case "rate_limit":
        this.#flow.limiters.scale(component.index, change.factor, this.#run.queue.nowNs);
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

/** What is wrong with a change to a run of this model; empty when nothing is. */
export function checkChange(change: Change, model: Model): ModelIssue[] {
  const issues: ModelIssue[] = [];
  const refuse = (field: string, message: string) =>
    issues.push({ field, message: `change "${change.kind}": ${message}` });
  const number = (field: string, value: number, minimum: number, maximum: number) => {
    if (value >= minimum && value <= maximum) return;
    refuse(field, `${field} is ${value}; allowed is ${minimum} to ${maximum}`);
  };
  const whole = (field: string, value: number, minimum: number, maximum: number) => {
    if (Number.isInteger(value)) number(field, value, minimum, maximum);
    else refuse(field, `${field} is ${value}; allowed are whole numbers from ${minimum} to ${maximum}`);
  };
  if ("component" in change) {
    const component = model.components.find(({ id }) => id === change.component);
    if (component === undefined) refuse("component", `the model has no component "${change.component}"`);
    else if (component.isClient) refuse("component", `"${change.component}" is a client, which has no instances`);
    else for (const one of instancesOf(change)) whole("instance", one, 0, component.maxInstances - 1);
    if (component !== undefined) refuseForKind(change, component, refuse);
  }
  if ("link" in change) {
    const link = model.links.find(({ id }) => id === change.link);
    if (link === undefined) refuse("link", `the model has no link "${change.link}"`);
    else if (change.kind === "connections" && link.maxConnections === 0) {
      refuse("link", `link "${change.link}" has no limit of connections that could be changed`);
    }
  }
  if ("workload" in change && !model.workloads.some(({ id }) => id === change.workload)) {
    refuse("workload", `the model has no workload "${change.workload}"`);
  }
  switch (change.kind) {
    case "load":
      for (const { field, message } of checkLoad(model.workloads, change.load)) refuse(field, message);
      break;
    case "workload":
    case "rate_limit":
      number("factor", change.factor, 0, 10_000);
      break;
    case "work":
      number("factor", change.factor, 0, 10_000);
      break;
    case "hits":
      number("factor", change.factor, 0, 1);
      break;
    case "bandwidth":
      number("factor", change.factor, 0.000_001, 1000);
      break;
    case "burst":
      whole("requests", change.requests, 1, 1_000_000);
      break;
    case "errors":
    case "loss":
      number("ratio", change.ratio, 0, 1);
      break;
    case "pause":
      number("lengthMs", change.lengthMs, 0, 86_400_000);
      break;
    case "slots":
      whole("slots", change.slots, 0, 10_000);
      break;
    case "delay":
      number("share", change.share, 0, 1);
      for (const { field, message } of distributionIssues(change.extra, "extra", 600_000)) refuse(field, message);
      break;
    case "retries":
      whole("retries", change.retries, 0, 100);
      number("backoffMs", change.backoffMs, 0, 60_000);
      break;
    case "breaker":
      if (change.breaker === undefined) break;
      whole("failures", change.breaker.failures, 1, 1000);
      number("openMs", change.breaker.openMs, 0, 86_400_000);
      whole("probes", change.breaker.probes ?? 1, 1, 1000);
      break;
    case "connections":
      whole("connections", change.connections, 0, 10_000);
  }
  return issues;
}

function instancesOf(change: Change): readonly number[] {
  if (change.kind === "down" || change.kind === "up") return change.instances;
  if ((change.kind === "work" || change.kind === "pause") && change.instance !== undefined) return [change.instance];
  return [];
}

function refuseForKind(
  change: Change,
  component: ModelComponent,
  refuse: (field: string, message: string) => void,
): void {
  const { id, isCache, cache, rateLimit } = component;
  if (change.kind === "flush" && cache === undefined) refuse("component", `"${id}" is no cache with keys`);
  if (change.kind === "hits" && (!isCache || cache !== undefined)) {
    refuse("component", `"${id}" is no cache with a fixed hit ratio`);
  }
  if (change.kind === "rate_limit" && rateLimit === undefined) refuse("component", `"${id}" has no rate limit`);
}
