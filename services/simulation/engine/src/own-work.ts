/**
 * The work that components do themselves: how long it takes, who shares cores for it, and what pauses and slow instances
 * make of it.
 *
 * Work in a slot of its own ends by one event. A pause does not move that event: when it comes, the work has missed what the
 * instance was paused since it began, and goes on for that long. Work on shared cores is shared-cores.ts's business.
 */
import { type ComponentStatistics, statistic } from "./component-statistics.ts";
import { eventKind } from "./event-kinds.ts";
import { type EventQueue, noLane } from "./event-queue.ts";
import type { RunComponent } from "./run-component.ts";
import type { RunState } from "./run-state.ts";
import { SharedCores } from "./shared-cores.ts";
import { none, stage, type VisitPool } from "./visit-pool.ts";

export class OwnWork {
  readonly #run: RunState;
  readonly #queue: EventQueue;
  readonly #visits: VisitPool;
  readonly #statistics: ComponentStatistics;
  readonly #cores: SharedCores;
  /** By instance: the factor of its work, how long it was paused altogether, and until when. */
  readonly #factor: Float64Array;
  readonly #pausedNs: Float64Array;
  readonly #pausedUntilNs: Float64Array;

  constructor(run: RunState) {
    this.#run = run;
    this.#queue = run.queue;
    this.#visits = run.visits;
    this.#statistics = run.statistics;
    this.#cores = new SharedCores(run.queue);
    const instances = run.stations.component.length;
    this.#factor = new Float64Array(instances).fill(1);
    this.#pausedNs = new Float64Array(instances);
    this.#pausedUntilNs = new Float64Array(instances);
    for (let instance = 0; instance < instances; instance++) {
      const { cpus } = run.model.components[run.stations.component[instance] as number] ?? { cpus: 0 };
      if (cpus > 0) this.#cores.add(instance, cpus);
    }
  }

  start(visit: number, component: RunComponent): void {
    const visits = this.#visits;
    const instance = visits.instance[visit] as number;
    const { nowNs } = this.#queue;
    const span = visits.span[visit] as number;
    if (span !== none) this.#run.traces.mark(span, "startedNs", nowNs);
    visits.stage[visit] = stage.working;
    this.#statistics.startWork(component.index, nowNs);
    const workNs = component.workNs((this.#factor[instance] as number) * this.#factorOf(visit));
    if (component.sharesCores) {
      const before = this.#cores.working(instance);
      this.#cores.start(visit, instance, workNs);
      this.#countCores(instance, component.index, before);
      return;
    }
    visits.pausesNs[visit] = this.#pausedNs[instance] as number;
    const pausedNs = (this.#pausedUntilNs[instance] as number) - nowNs;
    const lengthNs = pausedNs > 0 ? workNs + pausedNs : workNs;
    visits.dueSequence[visit] = this.#queue.after(lengthNs, component.workLane, eventKind.workEnd, visit);
  }

  /** Whether the work is really over as its event comes; if not, another event will come. */
  ends(visit: number): boolean {
    const visits = this.#visits;
    const pausedNs = this.#pausedNs[visits.instance[visit] as number] as number;
    const missedNs = pausedNs - (visits.pausesNs[visit] as number);
    if (missedNs === 0) return true;
    visits.pausesNs[visit] = pausedNs;
    visits.dueSequence[visit] = this.#queue.after(missedNs, noLane, eventKind.workEnd, visit);
    return false;
  }

  /** Whose work on an instance's shared cores ends as this event comes; `none` when the event is obsolete. */
  takeEnd(instance: number, sequence: number): number {
    const before = this.#cores.working(instance);
    const visit = this.#cores.takeEnd(instance, sequence);
    if (visit !== none) this.#countCores(instance, this.#run.stations.component[instance] as number, before);
    return visit;
  }

  /** The work is given up. */
  stop(visit: number): void {
    const instance = this.#visits.instance[visit] as number;
    const component = this.#visits.component[visit] as number;
    this.#statistics.endWork(component, this.#queue.nowNs);
    this.#visits.dueSequence[visit] = 0;
    if (!this.#cores.shares(instance)) return;
    const before = this.#cores.working(instance);
    this.#cores.remove(visit, instance);
    this.#countCores(instance, component, before);
  }

  /** Work that begins from now on takes so many times as long in this instance. */
  setFactor(instance: number, factor: number): void {
    this.#factor[instance] = factor;
  }

  /** Nothing is worked on in the instance for so long; what is being worked on ends that much later. */
  pause(instance: number, lengthNs: number): void {
    const { nowNs } = this.#queue;
    if (this.#cores.shares(instance)) this.#cores.pause(instance, lengthNs);
    this.#pausedNs[instance] = (this.#pausedNs[instance] as number) + lengthNs;
    this.#pausedUntilNs[instance] = Math.max(nowNs, this.#pausedUntilNs[instance] as number) + lengthNs;
  }

  #factorOf(visit: number): number {
    if (!this.#run.hasTraits) return 1;
    return this.#run.model.workloads[this.#visits.workload[visit] as number]?.workFactor ?? 1;
  }

  #countCores(instance: number, component: number, before: number): void {
    const more = this.#cores.working(instance) - before;
    if (more !== 0) this.#statistics.shift(component, statistic.cores, more, this.#queue.nowNs);
  }
}
