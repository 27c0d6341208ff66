/**
 * Where requests wait and are worked on: every instance of every component, with its slots and its queue.
 *
 * A request goes to the instance that `balancing.ts` chooses, then to a free slot, else to the end of that instance's queue.
 * When the queue is full somebody is shed: the newcomer, or who has waited longest. A free slot goes to the oldest, to the
 * newest where a component serves last in, first out, or by priority and then age. Queues are chains through
 * `VisitPool.next` and `previous`, so a queue costs nothing until it is used. Clients have one instance, which neither
 * queues nor has slots.
 *
 * A component has places for as many instances as it may ever have. Those that take requests are its members; others are
 * not started yet, are leaving, or are known to be down. An instance that is down and still a member refuses everything.
 */
import { Chooser } from "./balancing.ts";
import type { Model, ModelComponent } from "./model.ts";
import { RandomStream } from "./random.ts";
import { none, type VisitPool } from "./visit-pool.ts";

export const priorities = 10;

/** What `admit` answers. */
export const place = { slot: 0, queue: 1, shed: 2, down: 3 } as const;

export class Stations {
  /** Who had to leave a queue for the visit that `admit` let in last; `none` for nobody. */
  evicted = none;
  /** By component: its first instance's number; they follow each other. One more than there are components. */
  readonly first: Int32Array;
  /** By instance. */
  readonly component: Int32Array;
  readonly slots: Int32Array;
  readonly busy: Int32Array;
  readonly isDown: Uint8Array;
  /** By component: how many of its instances take requests. */
  readonly memberCount: Int32Array;
  readonly #model: Model;
  readonly #visits: VisitPool;
  /** By component. */
  readonly #choosers: readonly Chooser[];
  readonly #members: readonly Int32Array[];
  readonly #waiting: Int32Array;
  /** Busy slots plus waiting, for who chooses. */
  readonly #load: Int32Array;
  /** By instance times the number of its queues: one, or one for each priority. */
  readonly #queueOf: Int32Array;
  readonly #oldest: Int32Array;
  readonly #newest: Int32Array;

  constructor(model: Model, visits: VisitPool, seed: number) {
    const { components } = model;
    this.#model = model;
    this.#visits = visits;
    this.first = new Int32Array(components.length + 1);
    for (const { index, maxInstances } of components) {
      this.first[index + 1] = (this.first[index] as number) + maxInstances;
    }
    const count = this.first[components.length] as number;
    this.component = new Int32Array(count);
    this.slots = new Int32Array(count);
    this.busy = new Int32Array(count);
    this.isDown = new Uint8Array(count);
    this.#waiting = new Int32Array(count);
    this.#load = new Int32Array(count);
    this.#queueOf = new Int32Array(count);
    const weight = new Float64Array(count).fill(1);
    let queues = 0;
    for (const { index, maxInstances, concurrency, discipline, instanceWeights } of components) {
      for (let number = 0; number < maxInstances; number++) {
        const instance = (this.first[index] as number) + number;
        this.component[instance] = index;
        this.slots[instance] = concurrency;
        this.#queueOf[instance] = queues;
        weight[instance] = instanceWeights[number] ?? 1;
        queues += discipline === "priority" ? priorities : 1;
      }
    }
    this.#oldest = new Int32Array(queues).fill(none);
    this.#newest = new Int32Array(queues).fill(none);
    this.memberCount = Int32Array.from(components, ({ instances }) => instances);
    this.#members = components.map(({ index, maxInstances }) => {
      return Int32Array.from({ length: maxInstances }, (_, number) => (this.first[index] as number) + number);
    });
    this.#choosers = components.map(({ id, index, balancing }) => {
      const stream = new RandomStream(seed, `component/${id}/instance`);
      const choices = { members: this.#members[index] as Int32Array, load: this.#load, weight };
      return new Chooser(balancing, stream, choices);
    });
  }

  /** Gives an arriving visit its instance and a slot or a place in the queue, if there is one; then see `evicted`. */
  admit(visit: number): number {
    const index = this.#visits.component[visit] as number;
    const component = this.#component(index);
    const members = this.memberCount[index] as number;
    if (members === 0) {
      this.#visits.instance[visit] = this.first[index] as number;
      return place.down;
    }
    const instance = component.splitsReads
      ? this.#chooseReplica(index, visit, members)
      : (this.#choosers[index] as Chooser).choose(0, members, this.#visits.session[visit] as number);
    this.#visits.instance[visit] = instance;
    if (this.isDown[instance] === 1) return place.down;
    this.evicted = none;
    const busy = this.busy[instance] as number;
    if (busy < (this.slots[instance] as number)) {
      this.busy[instance] = busy + 1;
      this.#load[instance] = (this.#load[instance] as number) + 1;
      return place.slot;
    }
    if ((this.#waiting[instance] as number) >= component.queueCapacity) {
      if (!component.shedsOldest || component.queueCapacity === 0) return place.shed;
      this.evicted = this.#firstToShed(instance, component);
      this.remove(this.evicted);
    }
    this.#append(visit, instance, component);
    return place.queue;
  }

  /**
   * Frees the visit's slot. The answer is the visit that takes it over from the queue and is no longer in it, or `none`:
   * then the slot is free, or gone when there are more than there should be.
   */
  vacate(visit: number): number {
    const instance = this.#visits.instance[visit] as number;
    this.giveBack(instance);
    return this.takeNext(instance);
  }

  giveBack(instance: number): void {
    this.busy[instance] = (this.busy[instance] as number) - 1;
    this.#load[instance] = (this.#load[instance] as number) - 1;
  }

  /** Gives a free slot to who is next in the queue; `none` when there is no such slot or nobody waits. */
  takeNext(instance: number): number {
    if ((this.#waiting[instance] as number) === 0) return none;
    if ((this.busy[instance] as number) >= (this.slots[instance] as number)) return none;
    const component = this.#component(this.component[instance] as number);
    const successor = this.#nextOf(instance, component);
    this.remove(successor);
    this.busy[instance] = (this.busy[instance] as number) + 1;
    this.#load[instance] = (this.#load[instance] as number) + 1;
    return successor;
  }

  /** Takes a visit out of the queue that it waits in. */
  remove(visit: number): void {
    const { next, previous } = this.#visits;
    const instance = this.#visits.instance[visit] as number;
    const queue = this.#queueFor(visit, instance, this.#component(this.component[instance] as number));
    const after = next[visit] as number;
    const before = previous[visit] as number;
    if (before === none) this.#oldest[queue] = after;
    else next[before] = after;
    if (after === none) this.#newest[queue] = before;
    else previous[after] = before;
    this.#waiting[instance] = (this.#waiting[instance] as number) - 1;
    this.#load[instance] = (this.#load[instance] as number) - 1;
  }

  isMember(instance: number): boolean {
    const index = this.component[instance] as number;
    return (this.#members[index] as Int32Array).indexOf(instance) < (this.memberCount[index] as number);
  }

  /** From now on the instance takes requests, or no new ones. What it has stays with it. */
  setMember(instance: number, isMember: boolean): void {
    if (this.isMember(instance) === isMember) return;
    const index = this.component[instance] as number;
    const members = this.#members[index] as Int32Array;
    const taking = [...members.subarray(0, this.memberCount[index] as number)].filter((one) => one !== instance);
    if (isMember) taking.push(instance);
    const others = [...members].filter((one) => !taking.includes(one));
    // In the order of their numbers, so that the primary stays first.
    members.set([...taking.sort((a, b) => a - b), ...others]);
    this.memberCount[index] = taking.length;
  }

  #chooseReplica(index: number, visit: number, members: number): number {
    const from = members > 1 && this.#visits.isWrite[visit] === 0 ? 1 : 0;
    if (from === 0) return (this.#members[index] as Int32Array)[0] as number;
    return (this.#choosers[index] as Chooser).choose(from, members, this.#visits.session[visit] as number);
  }

  #nextOf(instance: number, component: ModelComponent): number {
    const queue = this.#queueOf[instance] as number;
    if (component.discipline === "lifo") return this.#newest[queue] as number;
    if (component.discipline === "fifo") return this.#oldest[queue] as number;
    let priority = 0;
    while (this.#oldest[queue + priority] === none) priority++;
    return this.#oldest[queue + priority] as number;
  }

  /** Who has waited longest; by priority, longest among those that matter least. */
  #firstToShed(instance: number, component: ModelComponent): number {
    const queue = this.#queueOf[instance] as number;
    if (component.discipline !== "priority") return this.#oldest[queue] as number;
    let priority = priorities - 1;
    while (this.#oldest[queue + priority] === none) priority--;
    return this.#oldest[queue + priority] as number;
  }

  #queueFor(visit: number, instance: number, component: ModelComponent): number {
    const queue = this.#queueOf[instance] as number;
    if (component.discipline !== "priority") return queue;
    const workload = this.#model.workloads[this.#visits.workload[visit] as number];
    return queue + (workload as Model["workloads"][number]).priority;
  }

  #append(visit: number, instance: number, component: ModelComponent): void {
    const { next, previous } = this.#visits;
    const queue = this.#queueFor(visit, instance, component);
    const newest = this.#newest[queue] as number;
    next[visit] = none;
    previous[visit] = newest;
    if (newest === none) this.#oldest[queue] = visit;
    else next[newest] = visit;
    this.#newest[queue] = visit;
    this.#waiting[instance] = (this.#waiting[instance] as number) + 1;
    this.#load[instance] = (this.#load[instance] as number) + 1;
  }

  #component(index: number): ModelComponent {
    return this.#model.components[index] as ModelComponent;
  }
}
