/**
 * Where requests wait and are worked on: every instance of every component, with its slots and its queue.
 *
 * A request goes to the instance that `balancing.ts` chooses, then to a free slot, else to the end of that instance's queue.
 * When the queue is full somebody is shed: the newcomer, or who has waited longest, by priority only of those who do not matter
 * more than the newcomer. A free slot goes to the oldest, to the newest where a component serves last in, first out, or by
 * priority and then age. Queues are chains through `Visit.next` and `previous`, so a queue costs nothing until it is used.
 * Clients have one instance, which neither queues nor has slots.
 *
 * A component has places for as many instances as it may ever have. Those that take requests are its members; others are
 * not started yet, are leaving, or are known to be down. An instance that is down and still a member refuses everything.
 */
import { Chooser } from "./balancing.ts";
import type { Model, ModelComponent } from "./model.ts";
import { RandomStream } from "./random.ts";
import type { Visit } from "./visit.ts";

const priorities = 10;

/** What `admit` answers. */
export const place = { slot: 0, queue: 1, shed: 2, down: 3 } as const;
/** The compiler knows constants that are not exported; those that are it reads from memory each time. */
const { slot, queue: queued, shed, down } = place;

export class Stations {
  /** Who had to leave a queue for the visit that `admit` let in last, if anybody. */
  evicted: Visit | undefined = undefined;
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
  /** By component. */
  readonly #choosers: readonly Chooser[];
  readonly #members: readonly Int32Array[];
  readonly #waiting: Int32Array;
  /** Busy slots plus waiting, for who chooses. */
  readonly #load: Int32Array;
  /** By instance times the number of its queues: one, or one for each priority. */
  readonly #queueOf: Int32Array;
  readonly #oldest: (Visit | undefined)[];
  readonly #newest: (Visit | undefined)[];

  constructor(model: Model, seed: number) {
    const { components } = model;
    this.#model = model;
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
    this.#oldest = new Array<Visit | undefined>(queues).fill(undefined);
    this.#newest = new Array<Visit | undefined>(queues).fill(undefined);
    this.memberCount = Int32Array.from(components, ({ instances }) => instances);
    this.#members = components.map(({ index, maxInstances }) => {
      return Int32Array.from({ length: maxInstances }, (_, number) => (this.first[index] as number) + number);
    });
    this.#choosers = components.map(({ id, index, balancing, choices: draws }) => {
      const stream = new RandomStream(seed, `component/${id}/instance`);
      const choices = { members: this.#members[index] as Int32Array, load: this.#load, weight };
      return new Chooser(balancing, stream, choices, draws);
    });
  }

  /** Gives an arriving visit its instance and a slot or a place in the queue, if there is one; then see `evicted`. */
  admit(visit: Visit): number {
    const { index, model: component } = visit.component;
    const members = this.memberCount[index] as number;
    if (members === 0) {
      visit.instance = this.first[index] as number;
      return down;
    }
    const instance = component.splitsReads
      ? this.#chooseReplica(index, visit, members)
      : (this.#choosers[index] as Chooser).choose(0, members, visit.session);
    visit.instance = instance;
    if (this.isDown[instance] === 1) return down;
    this.evicted = undefined;
    const busy = this.busy[instance] as number;
    if (busy < (this.slots[instance] as number)) {
      this.busy[instance] = busy + 1;
      this.#load[instance] = (this.#load[instance] as number) + 1;
      return slot;
    }
    if ((this.#waiting[instance] as number) >= component.queueCapacity) {
      if (!component.shedsOldest || component.queueCapacity === 0) return shed;
      const first = this.#firstToShed(instance, component);
      if (first === undefined) return shed;
      // Nobody goes for a newcomer who matters less: the queues of an instance follow each other by priority.
      if (this.#queueFor(first, instance, component) < this.#queueFor(visit, instance, component)) return shed;
      this.evicted = first;
      this.remove(first);
    }
    this.#append(visit, instance, component);
    return queued;
  }

  /**
   * Frees the visit's slot. The answer is the visit that takes it over from the queue and is no longer in it, if any; if none
   * does, the slot is free, or gone when there are more than there should be.
   */
  vacate(visit: Visit): Visit | undefined {
    const { instance } = visit;
    this.giveBack(instance);
    return this.takeNext(instance);
  }

  giveBack(instance: number): void {
    this.busy[instance] = (this.busy[instance] as number) - 1;
    this.#load[instance] = (this.#load[instance] as number) - 1;
  }

  /** Gives a free slot to who is next in the queue; to nobody when there is no such slot or nobody waits. */
  takeNext(instance: number): Visit | undefined {
    if ((this.#waiting[instance] as number) === 0) return undefined;
    if ((this.busy[instance] as number) >= (this.slots[instance] as number)) return undefined;
    const component = this.#component(this.component[instance] as number);
    const successor = this.#nextOf(instance, component);
    if (successor === undefined) return undefined;
    this.remove(successor);
    this.busy[instance] = (this.busy[instance] as number) + 1;
    this.#load[instance] = (this.#load[instance] as number) + 1;
    return successor;
  }

  /** Takes a visit out of the queue that it waits in. */
  remove(visit: Visit): void {
    const { instance, next: after, previous: before } = visit;
    const queue = this.#queueFor(visit, instance, visit.component.model);
    if (before === undefined) this.#oldest[queue] = after;
    else before.next = after;
    if (after === undefined) this.#newest[queue] = before;
    else after.previous = before;
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

  #chooseReplica(index: number, visit: Visit, members: number): number {
    const from = members > 1 && !visit.isWrite ? 1 : 0;
    if (from === 0) return (this.#members[index] as Int32Array)[0] as number;
    return (this.#choosers[index] as Chooser).choose(from, members, visit.session);
  }

  #nextOf(instance: number, component: ModelComponent): Visit | undefined {
    const queue = this.#queueOf[instance] as number;
    if (component.discipline === "lifo") return this.#newest[queue];
    if (component.discipline === "fifo") return this.#oldest[queue];
    let priority = 0;
    while (this.#oldest[queue + priority] === undefined) priority++;
    return this.#oldest[queue + priority];
  }

  /** Who has waited longest; by priority, longest among those that matter least. */
  #firstToShed(instance: number, component: ModelComponent): Visit | undefined {
    const queue = this.#queueOf[instance] as number;
    if (component.discipline !== "priority") return this.#oldest[queue];
    let priority = priorities - 1;
    while (this.#oldest[queue + priority] === undefined) priority--;
    return this.#oldest[queue + priority];
  }

  #queueFor(visit: Visit, instance: number, component: ModelComponent): number {
    const queue = this.#queueOf[instance] as number;
    if (component.discipline !== "priority") return queue;
    const workload = this.#model.workloads[visit.workload];
    return queue + (workload as Model["workloads"][number]).priority;
  }

  #append(visit: Visit, instance: number, component: ModelComponent): void {
    const queue = this.#queueFor(visit, instance, component);
    const newest = this.#newest[queue];
    visit.next = undefined;
    visit.previous = newest;
    if (newest === undefined) this.#oldest[queue] = visit;
    else newest.next = visit;
    this.#newest[queue] = visit;
    this.#waiting[instance] = (this.#waiting[instance] as number) + 1;
    this.#load[instance] = (this.#load[instance] as number) + 1;
  }

  #component(index: number): ModelComponent {
    return this.#model.components[index] as ModelComponent;
  }
}
