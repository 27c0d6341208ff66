/**
 * What there is to be used at every moment: instances that take requests, instances that serve, and their slots, as levels
 * whose integrals utilization is a share of.
 *
 * An instance that takes no more requests (it is down, or an autoscaler took it out) but ends what it has still serves, and
 * slots that are held count although there should be fewer by now. So what is used is never more than what there is. Whoever
 * changes an instance calls `settle`; so does whoever gets a slot back of an instance that `isSettling`.
 */
import { type ComponentStatistics, statistic } from "./component-statistics.ts";
import type { Stations } from "./stations.ts";

export class Capacity {
  /** By instance: 1 while it holds more slots than it offers. */
  readonly isSettling: Uint8Array;
  readonly #stations: Stations;
  readonly #statistics: ComponentStatistics;
  /** By instance: what it counts as. */
  readonly #takes: Uint8Array;
  readonly #serves: Uint8Array;
  readonly #slots: Int32Array;

  constructor(stations: Stations, statistics: ComponentStatistics) {
    this.#stations = stations;
    this.#statistics = statistics;
    const instances = stations.component.length;
    this.isSettling = new Uint8Array(instances);
    this.#takes = new Uint8Array(instances);
    this.#serves = new Uint8Array(instances);
    this.#slots = new Int32Array(instances);
  }

  settle(instance: number, nowNs: number): void {
    const stations = this.#stations;
    const busy = stations.busy[instance] as number;
    const takes = stations.isMember(instance) && stations.isDown[instance] === 0 ? 1 : 0;
    const serves = takes === 1 || busy > 0 ? 1 : 0;
    const slots = serves === 1 ? Math.max(busy, stations.slots[instance] as number) : 0;
    this.#shift(instance, statistic.instances, takes - (this.#takes[instance] as number), nowNs);
    this.#shift(instance, statistic.serving, serves - (this.#serves[instance] as number), nowNs);
    this.#shift(instance, statistic.slots, slots - (this.#slots[instance] as number), nowNs);
    this.#takes[instance] = takes;
    this.#serves[instance] = serves;
    this.#slots[instance] = slots;
    this.isSettling[instance] = busy > (takes === 1 ? (stations.slots[instance] as number) : 0) ? 1 : 0;
  }

  #shift(instance: number, level: number, amount: number, nowNs: number): void {
    if (amount !== 0) this.#statistics.shift(this.#stations.component[instance] as number, level, amount, nowNs);
  }
}
