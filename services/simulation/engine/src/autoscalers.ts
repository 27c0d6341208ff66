/**
 * The autoscalers of a run: every interval each looks at how busy its component was since it last looked, and wants
 * ⌈instances × utilization ÷ target⌉ instances, as the Kubernetes horizontal autoscaler does.
 *
 * More are started at once and take requests after the start delay. Fewer must have been enough for the whole scale-down
 * delay: the most that was wanted in it counts. One that goes takes no new requests and ends what it has. Utilization is of
 * the cores where they are shared, else of the slots, as capacity.ts counts them.
 */
import { statistic } from "./component-statistics.ts";
import { eventKind } from "./event-kinds.ts";
import { noLane } from "./event-queue.ts";
import type { ModelComponent } from "./model.ts";
import type { RunState } from "./run-state.ts";

const nsPerMs = 1e6;
/** As Kubernetes has it: a utilization this close to the target changes nothing. */
const tolerance = 0.1;
/** A hair above a whole number wants no further instance. */
const rounding = 1e-9;

interface Scaler {
  readonly component: ModelComponent;
  readonly settings: NonNullable<ModelComponent["autoscaler"]>;
  busyAreaNs: number;
  capacityAreaNs: number;
  servingAreaNs: number;
  /** What was wanted and when, the oldest first, as far back as the scale-down delay. */
  wanted: { readonly atNs: number; readonly instances: number }[];
  /** Instances that are being started. */
  readonly starting: Set<number>;
}

export class Autoscalers {
  readonly #run: RunState;
  readonly #scalers: (Scaler | undefined)[];

  constructor(run: RunState) {
    this.#run = run;
    this.#scalers = run.model.components.map((component) => {
      const settings = component.autoscaler;
      if (settings === undefined) return undefined;
      run.queue.after(settings.intervalMs * nsPerMs, noLane, eventKind.scale, component.index);
      return {
        component,
        settings,
        busyAreaNs: 0,
        capacityAreaNs: 0,
        servingAreaNs: 0,
        wanted: [],
        starting: new Set(),
      };
    });
  }

  /** An autoscaler looks. Answers the component. */
  onScale(index: number): number {
    const scaler = this.#scalers[index] as Scaler;
    const { queue } = this.#run;
    queue.after(scaler.settings.intervalMs * nsPerMs, noLane, eventKind.scale, index);
    const running = this.#run.stations.memberCount[index] as number;
    const wanted = this.#wanted(scaler, running);
    scaler.wanted.push({ atNs: queue.nowNs, instances: wanted });
    const horizonNs = queue.nowNs - scaler.settings.scaleDownDelayMs * nsPerMs;
    scaler.wanted = scaler.wanted.filter(({ atNs }) => atNs >= horizonNs);
    const there = running + scaler.starting.size;
    if (wanted > there) this.#start(scaler, wanted - there);
    const enough = Math.max(...scaler.wanted.map(({ instances }) => instances));
    if (horizonNs >= 0 && enough < running) this.#stop(scaler, running - enough);
    return index;
  }

  /** A started instance takes requests. Answers its component. */
  onReady(instance: number): number {
    const { stations, capacity, queue } = this.#run;
    const component = stations.component[instance] as number;
    // One that went down while it was started is not there; the next decision is about who is.
    if (this.#scalers[component]?.starting.delete(instance) !== true || stations.isDown[instance] === 1)
      return component;
    stations.setMember(instance, true);
    capacity.settle(instance, queue.nowNs);
    return component;
  }

  #wanted(scaler: Scaler, running: number): number {
    const { statistics, queue } = this.#run;
    const { component, settings } = scaler;
    const areaOf = (level: number) => statistics.areaOf(component.index, level, queue.nowNs);
    const sharesCores = component.cpus > 0;
    const busyAreaNs = areaOf(sharesCores ? statistic.cores : statistic.held);
    const capacityAreaNs = sharesCores ? areaOf(statistic.serving) * component.cpus : areaOf(statistic.slots);
    const servingAreaNs = areaOf(statistic.serving);
    const capacityNs = capacityAreaNs - scaler.capacityAreaNs;
    const utilization = capacityNs === 0 ? 0 : (busyAreaNs - scaler.busyAreaNs) / capacityNs;
    const instances = (servingAreaNs - scaler.servingAreaNs) / (settings.intervalMs * nsPerMs);
    scaler.busyAreaNs = busyAreaNs;
    scaler.capacityAreaNs = capacityAreaNs;
    scaler.servingAreaNs = servingAreaNs;
    const ratio = utilization / settings.targetUtilization;
    // Times the instances that were used so much, not those that there are by now.
    const wanted = Math.abs(ratio - 1) <= tolerance ? running : Math.ceil(instances * ratio - rounding);
    return Math.min(settings.maxInstances, Math.max(settings.minInstances, wanted));
  }

  #start(scaler: Scaler, count: number): void {
    const { stations, queue } = this.#run;
    const first = stations.first[scaler.component.index] as number;
    let missing = count;
    for (let instance = first; missing > 0 && instance < first + scaler.component.maxInstances; instance++) {
      if (stations.isMember(instance) || stations.isDown[instance] === 1 || scaler.starting.has(instance)) continue;
      scaler.starting.add(instance);
      queue.after(scaler.settings.startDelayMs * nsPerMs, noLane, eventKind.instanceReady, instance);
      missing--;
    }
  }

  /** The last ones go first; the first is a database's primary. */
  #stop(scaler: Scaler, count: number): void {
    const { stations, capacity, queue } = this.#run;
    const first = stations.first[scaler.component.index] as number;
    let spare = count;
    for (let instance = first + scaler.component.maxInstances - 1; spare > 0 && instance >= first; instance--) {
      if (!stations.isMember(instance)) continue;
      stations.setMember(instance, false);
      capacity.settle(instance, queue.nowNs);
      spare--;
    }
  }
}
