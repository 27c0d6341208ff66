/**
 * Instances whose requests share their cores: `cpus` cores, divided equally among all requests that work, none getting more
 * than one core. With one core this is processor sharing, with many and few requests everybody has a core.
 *
 * Every instance has a clock of work done per request, which runs at rate min(1, cpus / working). A request of `w` ns of
 * work ends when that clock has gone on by `w`, whoever comes or goes meanwhile, so only the first to end needs an event,
 * and a change of rate moves that one event. (Fair queueing's virtual time: Demers, Keshav and Shenker, 1989.)
 */
import { eventKind } from "./event-kinds.ts";
import { type EventQueue, noLane } from "./event-queue.ts";

interface Instance<Worker> {
  cpus: number;
  /** Work done per request since the start, in ns, as of `atNs`. */
  workedNs: number;
  atNs: number;
  /** No work is done before this. */
  pausedUntilNs: number;
  /** Heap of those who work, by when they end on the instance's clock. */
  readonly ends: number[];
  readonly visits: Worker[];
  dueSequence: number;
}

/** `Worker`: who works, a visit. */
export class SharedCores<Worker> {
  readonly #queue: EventQueue;
  /** By instance; only of components with `cpus`. */
  readonly #instances: (Instance<Worker> | undefined)[] = [];

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  /** Makes an instance share its cores; it must be idle. */
  add(instance: number, cpus: number): void {
    this.#instances[instance] = {
      cpus,
      workedNs: 0,
      atNs: 0,
      pausedUntilNs: 0,
      ends: [],
      visits: [],
      dueSequence: 0,
    };
  }

  shares(instance: number): boolean {
    return this.#instances[instance] !== undefined;
  }

  /** Cores that work now. */
  working(instance: number): number {
    const { cpus, visits } = this.#of(instance);
    return Math.min(cpus, visits.length);
  }

  start(visit: Worker, instance: number, workNs: number): void {
    const cores = this.#of(instance);
    this.#advance(cores);
    push(cores, cores.workedNs + workNs, visit);
    this.#schedule(cores, instance);
  }

  /** Who is done as this event comes; nobody when the event is obsolete. */
  takeEnd(instance: number, sequence: number): Worker | undefined {
    const cores = this.#of(instance);
    if (cores.dueSequence !== sequence) return undefined;
    this.#advance(cores);
    // The event's time was rounded up to whole nanoseconds; who ends is exact by definition.
    cores.workedNs = Math.max(cores.workedNs, cores.ends[0] as number);
    const visit = cores.visits[0];
    removeAt(cores, 0);
    this.#schedule(cores, instance);
    return visit;
  }

  remove(visit: Worker, instance: number): void {
    const cores = this.#of(instance);
    this.#advance(cores);
    removeAt(cores, cores.visits.indexOf(visit));
    this.#schedule(cores, instance);
  }

  pause(instance: number, lengthNs: number): void {
    const cores = this.#of(instance);
    this.#advance(cores);
    cores.pausedUntilNs = Math.max(cores.pausedUntilNs, this.#queue.nowNs) + lengthNs;
    this.#schedule(cores, instance);
  }

  #advance(cores: Instance<Worker>): void {
    const { nowNs } = this.#queue;
    const fromNs = Math.max(cores.atNs, Math.min(cores.pausedUntilNs, nowNs));
    cores.workedNs += (nowNs - fromNs) * rateOf(cores);
    cores.atNs = nowNs;
  }

  #schedule(cores: Instance<Worker>, instance: number): void {
    if (cores.visits.length === 0) {
      cores.dueSequence = 0;
      return;
    }
    const pausedNs = Math.max(0, cores.pausedUntilNs - this.#queue.nowNs);
    const leftNs = Math.max(0, (cores.ends[0] as number) - cores.workedNs) / rateOf(cores);
    cores.dueSequence = this.#queue.after(Math.ceil(pausedNs + leftNs), noLane, eventKind.coreEnd, instance);
  }

  #of(instance: number): Instance<Worker> {
    return this.#instances[instance] as Instance<Worker>;
  }
}

function rateOf({ cpus, visits }: Instance<unknown>): number {
  return visits.length <= cpus ? 1 : cpus / visits.length;
}

function push<Worker>(cores: Instance<Worker>, end: number, visit: Worker): void {
  cores.ends.push(end);
  cores.visits.push(visit);
  rise(cores, cores.ends.length - 1, end, visit);
}

/** Puts who ends then at the place, or as far up from it as belongs. */
function rise<Worker>({ ends, visits }: Instance<Worker>, place: number, end: number, visit: Worker): void {
  let hole = place;
  while (hole > 0) {
    const parent = (hole - 1) >> 1;
    if ((ends[parent] as number) <= end) break;
    ends[hole] = ends[parent] as number;
    visits[hole] = visits[parent] as Worker;
    hole = parent;
  }
  ends[hole] = end;
  visits[hole] = visit;
}

/** The last one takes the place, and moves down or up to where it belongs. */
function removeAt<Worker>(cores: Instance<Worker>, index: number): void {
  const { ends, visits } = cores;
  const end = ends.pop() as number;
  const visit = visits.pop() as Worker;
  if (index === ends.length) return;
  let hole = index;
  for (let child = 2 * hole + 1; child < ends.length; child = 2 * hole + 1) {
    if (child + 1 < ends.length && (ends[child + 1] as number) < (ends[child] as number)) child++;
    if ((ends[child] as number) >= end) break;
    ends[hole] = ends[child] as number;
    visits[hole] = visits[child] as Worker;
    hole = child;
  }
  rise(cores, hole, end, visit);
}
