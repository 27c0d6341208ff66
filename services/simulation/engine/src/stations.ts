/**
 * Where requests wait and are worked on: every instance of every component, with its slots and its queue.
 *
 * A request goes to the less loaded of two different instances picked at random (load: busy slots plus waiting), then to
 * a free slot, else to the end of that instance's queue, else it is shed. Queues are chains through `VisitPool.next`, so
 * a queue costs nothing until it is used. Clients have no instances here: they neither queue nor hold slots.
 */
import type { Model } from "./model.ts";
import { RandomStream } from "./random.ts";
import { none, type VisitPool } from "./visit-pool.ts";

export class Stations {
  readonly #model: Model;
  readonly #visits: VisitPool;
  readonly #choices: RandomStream[];
  /** Per component, the index of its first instance. */
  readonly #first: Int32Array;
  readonly #busy: Int32Array;
  readonly #waiting: Int32Array;
  readonly #head: Int32Array;
  readonly #tail: Int32Array;

  constructor(model: Model, visits: VisitPool, seed: number) {
    this.#model = model;
    this.#visits = visits;
    this.#choices = model.components.map(({ id }) => new RandomStream(seed, `component/${id}/instance`));
    this.#first = new Int32Array(model.components.length);
    let count = 0;
    for (const component of model.components) {
      this.#first[component.index] = count;
      if (!component.isClient) count += component.instances;
    }
    this.#busy = new Int32Array(count);
    this.#waiting = new Int32Array(count);
    this.#head = new Int32Array(count).fill(none);
    this.#tail = new Int32Array(count).fill(none);
  }

  /** Gives an arriving visit its instance and a slot or a place in the queue, if there is one. */
  admit(visit: number): "slot" | "queue" | "shed" {
    const component = this.#visits.component[visit] as number;
    const { concurrency, queueCapacity } = this.#component(component);
    const instance = this.#choose(component);
    this.#visits.instance[visit] = instance;
    const busy = this.#busy[instance] as number;
    if (busy < concurrency) {
      this.#busy[instance] = busy + 1;
      return "slot";
    }
    const waiting = this.#waiting[instance] as number;
    if (waiting >= queueCapacity) return "shed";
    this.#waiting[instance] = waiting + 1;
    this.#visits.next[visit] = none;
    const tail = this.#tail[instance] as number;
    if (tail === none) this.#head[instance] = visit;
    else this.#visits.next[tail] = visit;
    this.#tail[instance] = visit;
    return "queue";
  }

  /** Frees the visit's slot. The answer is the visit that takes it over from the queue, or `none`. */
  vacate(visit: number): number {
    const instance = this.#visits.instance[visit] as number;
    const successor = this.#head[instance] as number;
    if (successor === none) {
      this.#busy[instance] = (this.#busy[instance] as number) - 1;
      return none;
    }
    this.#waiting[instance] = (this.#waiting[instance] as number) - 1;
    const next = this.#visits.next[successor] as number;
    this.#head[instance] = next;
    if (next === none) this.#tail[instance] = none;
    return successor;
  }

  #choose(component: number): number {
    const { instances } = this.#component(component);
    const first = this.#first[component] as number;
    if (instances === 1) return first;
    const stream = this.#choices[component] as RandomStream;
    const one = stream.below(instances);
    const other = stream.below(instances - 1);
    const left = first + one;
    const right = first + (other >= one ? other + 1 : other);
    return this.#load(left) <= this.#load(right) ? left : right;
  }

  #load(instance: number): number {
    return (this.#busy[instance] as number) + (this.#waiting[instance] as number);
  }

  #component(index: number) {
    return this.#model.components[index] as Model["components"][number];
  }
}
