/**
 * The work that components do themselves: how long it takes, who shares cores for it, and what pauses and slow instances
 * make of it.
 *
 * Work in a slot of its own ends by one event. A pause does not move that event: when it comes, the work has missed what the
 * instance was paused since it began, and goes on for that long. Work on shared cores is shared-cores.ts's business.
 */
import { type ComponentStatistics, statistic } from "./component-statistics.ts";
import { eventKind } from "./event-kinds.ts";
import { type EventQueue, noLane as withoutLane } from "./event-queue.ts";
import type { RunComponent } from "./run-component.ts";
import type { RunState } from "./run-state.ts";
import { SharedCores } from "./shared-cores.ts";
import { none as nothing, stage, type Visit } from "./visit.ts";

/** The compiler knows a file's own constants; those that are imported are read from memory each time. */
const { workEnd } = eventKind;
const { working } = stage;
const { cores } = statistic;
const none = nothing;
const noLane = withoutLane;

export class OwnWork {
  readonly #run: RunState;
  readonly #queue: EventQueue;
  readonly #statistics: ComponentStatistics;
  readonly #cores: SharedCores<Visit>;
  /** By instance: the factor of its work, how long it was paused altogether, and until when. */
  readonly #factor: Float64Array;
  readonly #pausedNs: Float64Array;
  readonly #pausedUntilNs: Float64Array;
  /** Whether there was ever a pause or a factor; until then nobody need ask. */
  #isDisturbed = false;

  constructor(run: RunState) {
    this.#run = run;
    this.#queue = run.queue;
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

  start(visit: Visit, component: RunComponent): void {
    const { instance, span } = visit;
    const { nowNs } = this.#queue;
    if (span !== none) this.#run.traces.mark(span, "startedNs", nowNs);
    visit.stage = working;
    component.counts.startWork(nowNs);
    const factor = this.#isDisturbed ? (this.#factor[instance] as number) : 1;
    const workNs = component.workNs(factor * this.#factorOf(visit));
    if (component.sharesCores) {
      const before = this.#cores.working(instance);
      this.#cores.start(visit, instance, workNs);
      this.#countCores(instance, component.index, before);
      return;
    }
    let lengthNs = workNs;
    if (this.#isDisturbed) {
      visit.pausesNs = this.#pausedNs[instance] as number;
      lengthNs += Math.max(0, (this.#pausedUntilNs[instance] as number) - nowNs);
    }
    visit.dueSequence = this.#queue.after(lengthNs, component.workLane, workEnd, visit.index);
  }

  /** Whether the work is really over as its event comes; if not, another event will come. */
  ends(visit: Visit): boolean {
    if (!this.#isDisturbed) return true;
    const pausedNs = this.#pausedNs[visit.instance] as number;
    const missedNs = pausedNs - visit.pausesNs;
    if (missedNs === 0) return true;
    visit.pausesNs = pausedNs;
    visit.dueSequence = this.#queue.after(missedNs, noLane, workEnd, visit.index);
    return false;
  }

  /** Whose work on an instance's shared cores ends as this event comes; nobody's when the event is obsolete. */
  takeEnd(instance: number, sequence: number): Visit | undefined {
    const before = this.#cores.working(instance);
    const visit = this.#cores.takeEnd(instance, sequence);
    if (visit !== undefined) this.#countCores(instance, this.#run.stations.component[instance] as number, before);
    return visit;
  }

  /** The work is given up. */
  stop(visit: Visit): void {
    const { instance, component } = visit;
    component.counts.endWork(this.#queue.nowNs);
    visit.dueSequence = 0;
    if (!this.#cores.shares(instance)) return;
    const before = this.#cores.working(instance);
    this.#cores.remove(visit, instance);
    this.#countCores(instance, component.index, before);
  }

  /** Work that begins from now on takes so many times as long in this instance. */
  setFactor(instance: number, factor: number): void {
    this.#isDisturbed = true;
    this.#factor[instance] = factor;
  }

  /** Nothing is worked on in the instance for so long; what is being worked on ends that much later. */
  pause(instance: number, lengthNs: number): void {
    const { nowNs } = this.#queue;
    this.#isDisturbed = true;
    if (this.#cores.shares(instance)) this.#cores.pause(instance, lengthNs);
    this.#pausedNs[instance] = (this.#pausedNs[instance] as number) + lengthNs;
    this.#pausedUntilNs[instance] = Math.max(nowNs, this.#pausedUntilNs[instance] as number) + lengthNs;
  }

  #factorOf(visit: Visit): number {
    if (!this.#run.hasTraits) return 1;
    return this.#run.model.workloads[visit.workload]?.workFactor ?? 1;
  }

  #countCores(instance: number, component: number, before: number): void {
    const more = this.#cores.working(instance) - before;
    if (more !== 0) this.#statistics.shift(component, cores, more, this.#queue.nowNs);
  }
}
