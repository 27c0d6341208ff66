/**
 * Where requests wait and are worked on: every instance of every component, with its slots and its queue.
 *
 * A request goes to the instance that `balancing.ts` chooses, then to a free slot, else to the end of that instance's queue.
 * When the queue is full somebody is shed: the newcomer, or who has waited longest. A free slot goes to the oldest, or to the
 * newest where a component serves last in, first out. Queues are chains through `VisitPool.next` and `previous`, so a queue
 * costs nothing until it is used. Clients have no instances here: they neither queue nor hold slots.
 */
import { InstanceChooser } from "./balancing.ts";
import type { Model, ModelComponent } from "./model.ts";
import { RandomStream } from "./random.ts";
import { none, type VisitPool } from "./visit-pool.ts";

export class Stations {
  /** Who had to leave a queue for the visit that `admit` let in last; `none` for nobody. */
  evicted = none;
  readonly #model: Model;
  readonly #visits: VisitPool;
  readonly #choosers: readonly InstanceChooser[];
  readonly #busy: Int32Array;
  readonly #waiting: Int32Array;
  /** Busy slots plus waiting, for who chooses. */
  readonly #load: Int32Array;
  readonly #oldest: Int32Array;
  readonly #newest: Int32Array;

  constructor(model: Model, visits: VisitPool, seed: number) {
    this.#model = model;
    this.#visits = visits;
    const firsts: number[] = [];
    let count = 0;
    for (const component of model.components) {
      firsts.push(count);
      if (!component.isClient) count += component.instances;
    }
    this.#busy = new Int32Array(count);
    this.#waiting = new Int32Array(count);
    this.#load = new Int32Array(count);
    this.#oldest = new Int32Array(count).fill(none);
    this.#newest = new Int32Array(count).fill(none);
    this.#choosers = model.components.map(({ id, index, balancing, instances }) => {
      const stream = new RandomStream(seed, `component/${id}/instance`);
      return new InstanceChooser(balancing, stream, firsts[index] as number, instances, this.#load);
    });
  }

  /** Gives an arriving visit its instance and a slot or a place in the queue, if there is one; then see `evicted`. */
  admit(visit: number): "slot" | "queue" | "shed" {
    const index = this.#visits.component[visit] as number;
    const component = this.#component(index);
    const instance = (this.#choosers[index] as InstanceChooser).choose();
    this.#visits.instance[visit] = instance;
    this.evicted = none;
    const busy = this.#busy[instance] as number;
    if (busy < component.concurrency) {
      this.#busy[instance] = busy + 1;
      this.#load[instance] = (this.#load[instance] as number) + 1;
      return "slot";
    }
    if ((this.#waiting[instance] as number) >= component.queueCapacity) {
      if (!component.shedsOldest || component.queueCapacity === 0) return "shed";
      this.evicted = this.#oldest[instance] as number;
      this.#remove(this.evicted, instance);
    }
    this.#append(visit, instance);
    return "queue";
  }

  /** Frees the visit's slot. The answer is the visit that takes it over from the queue, or `none`. */
  vacate(visit: number): number {
    const instance = this.#visits.instance[visit] as number;
    const component = this.#component(this.#visits.component[visit] as number);
    const successor = (component.isLastInFirstOut ? this.#newest[instance] : this.#oldest[instance]) as number;
    if (successor === none) {
      this.#busy[instance] = (this.#busy[instance] as number) - 1;
      this.#load[instance] = (this.#load[instance] as number) - 1;
      return none;
    }
    this.#remove(successor, instance);
    return successor;
  }

  #append(visit: number, instance: number): void {
    const { next, previous } = this.#visits;
    const newest = this.#newest[instance] as number;
    next[visit] = none;
    previous[visit] = newest;
    if (newest === none) this.#oldest[instance] = visit;
    else next[newest] = visit;
    this.#newest[instance] = visit;
    this.#waiting[instance] = (this.#waiting[instance] as number) + 1;
    this.#load[instance] = (this.#load[instance] as number) + 1;
  }

  #remove(visit: number, instance: number): void {
    const { next, previous } = this.#visits;
    const after = next[visit] as number;
    const before = previous[visit] as number;
    if (before === none) this.#oldest[instance] = after;
    else next[before] = after;
    if (after === none) this.#newest[instance] = before;
    else previous[after] = before;
    this.#waiting[instance] = (this.#waiting[instance] as number) - 1;
    this.#load[instance] = (this.#load[instance] as number) - 1;
  }

  #component(index: number): ModelComponent {
    return this.#model.components[index] as ModelComponent;
  }
}
