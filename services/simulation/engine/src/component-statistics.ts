/**
 * What happened at every component since the start of the run: counts, levels, and the levels' integrals over time.
 *
 * Nothing is ever reset. A snapshot copies the numbers as of one moment, and any period (a frame, the run after its
 * warm-up) is the difference of two snapshots. Taking one changes nothing, so how often somebody looks cannot change a
 * result. Times are whole nanoseconds, and so are the integrals while below 2^53: Little's law holds to the last unit.
 *
 * An integral is not brought up to date at each change: a level that rises at `t` takes `t` off its integral and one that
 * falls adds `t`, and whoever reads adds the level times the present time. That is two additions for a change of level.
 *
 * Every arrival is in exactly one of four states: completed (answered well), failed (answered badly after it was
 * admitted), shed (refused at once), or present (waiting, or holding a slot). So for every component and period,
 * present at its start + arrivals = completed + failed + shed + present at its end.
 */
export const statistic = {
  arrivals: 0,
  completed: 1,
  failed: 2,
  shed: 3,
  /** Calls to this component that the caller gave up on. */
  timedOut: 4,
  /** Further attempts of calls to this component. */
  retried: 5,
  /** Calls from this component that nobody waits for and that failed for good. */
  deadLettered: 6,
  /** Requests that got a slot, of those the ones that waited for it, and for how long in total. */
  started: 7,
  waited: 8,
  waitedNs: 9,
  /** Time from arrival to answer, over all that left. */
  residenceNs: 10,
  /** Lookups of caches; misses include those that waited for another's fetch, which are counted apart as well. */
  cacheHits: 11,
  cacheMisses: 12,
  collapsedMisses: 13,
  /** Clients: requests that were answered well and within their deadline. */
  onTime: 14,
  /** Failed because their deadline had passed when their turn came, or because the caller called them off. */
  expired: 15,
  cancelled: 16,
  /** Of the shed, those that a rate limit refused. */
  limited: 17,
  /** Calls to this component that a breaker refused, that a budget did not let try again, that got no connection; hedges. */
  refusedByBreaker: 18,
  retriesDenied: 19,
  refusedByPool: 20,
  hedged: 21,
  /** Calls from this component that waited for a connection, and for how long in total. */
  connectionWaits: 22,
  connectionWaitNs: 23,
  /** Messages on the way to and from this component that were lost. */
  lost: 24,
  /** Levels: in the component; in its queues; holding slots; holding slots for own work rather than for downstream calls; */
  present: 25,
  waiting: 26,
  held: 27,
  working: 28,
  /** cores that work, where there are `cpus`; calls from here that wait for a connection; instances that take requests. */
  cores: 29,
  backlog: 30,
  instances: 31,
  /** Integrals over time of the levels, in the same order. */
  presentArea: 32,
  waitingArea: 33,
  heldArea: 34,
  workingArea: 35,
  coresArea: 36,
  backlogArea: 37,
  instancesArea: 38,
} as const;
export const statisticsPerComponent = 39;
const levels = [
  statistic.present,
  statistic.waiting,
  statistic.held,
  statistic.working,
  statistic.cores,
  statistic.backlog,
  statistic.instances,
];
/** From a level to its integral. */
const toArea = statistic.presentArea - statistic.present;

/** All statistics as of one moment: component `c`'s are at `c * statisticsPerComponent + statistic.x`. */
export interface Snapshot {
  readonly atNs: number;
  readonly values: Float64Array;
}

export class ComponentStatistics {
  /** Longest total queue of each component since `forgetLongestQueues`. */
  readonly longestQueue: Float64Array;
  readonly #values: Float64Array;
  readonly #components: number;

  constructor(components: number) {
    this.#components = components;
    this.#values = new Float64Array(components * statisticsPerComponent);
    this.longestQueue = new Float64Array(components);
  }

  snapshot(atNs: number): Snapshot {
    const values = this.#values.slice();
    for (let base = 0; base < values.length; base += statisticsPerComponent) {
      for (const level of levels) add(values, base + level + toArea, (values[base + level] as number) * atNs);
    }
    return { atNs, values };
  }

  /** Counts an event that changes no level: one of `statistic`. */
  count(component: number, which: number): void {
    add(this.#values, component * statisticsPerComponent + which, 1);
  }

  /** Adds to what is no count and no level: one of `statistic`. */
  add(component: number, which: number, amount: number): void {
    add(this.#values, component * statisticsPerComponent + which, amount);
  }

  /** Changes a level by an amount. */
  shift(component: number, level: number, amount: number, nowNs: number): void {
    const at = component * statisticsPerComponent + level;
    add(this.#values, at, amount);
    add(this.#values, at + toArea, -amount * nowNs);
  }

  level(component: number, level: number): number {
    return this.#values[component * statisticsPerComponent + level] as number;
  }

  /** The integral of a level since the start. */
  areaOf(component: number, level: number, nowNs: number): number {
    const at = component * statisticsPerComponent + level;
    return (this.#values[at + toArea] as number) + (this.#values[at] as number) * nowNs;
  }

  arrive(component: number, nowNs: number): void {
    const values = this.#values;
    const base = component * statisticsPerComponent;
    add(values, base + statistic.arrivals, 1);
    rise(values, base + statistic.present, nowNs);
  }

  enqueue(component: number, nowNs: number): void {
    const values = this.#values;
    const base = component * statisticsPerComponent;
    rise(values, base + statistic.waiting, nowNs);
    const waiting = values[base + statistic.waiting] as number;
    if (waiting > (this.longestQueue[component] as number)) this.longestQueue[component] = waiting;
  }

  /** A request gets a slot, straight away or out of the queue. */
  takeSlot(component: number, nowNs: number, isFromQueue: boolean, waitedNs: number): void {
    const values = this.#values;
    const base = component * statisticsPerComponent;
    add(values, base + statistic.started, 1);
    rise(values, base + statistic.held, nowNs);
    if (!isFromQueue) return;
    fall(values, base + statistic.waiting, nowNs);
    add(values, base + statistic.waited, 1);
    add(values, base + statistic.waitedNs, waitedNs);
  }

  startWork(component: number, nowNs: number): void {
    rise(this.#values, component * statisticsPerComponent + statistic.working, nowNs);
  }

  endWork(component: number, nowNs: number): void {
    fall(this.#values, component * statisticsPerComponent + statistic.working, nowNs);
  }

  /** A slot is freed by a request that stays. */
  release(component: number, nowNs: number): void {
    fall(this.#values, component * statisticsPerComponent + statistic.held, nowNs);
  }

  /** A request that was admitted is answered. */
  leave(component: number, nowNs: number, hasFailed: boolean, residenceNs: number, held: boolean): void {
    const values = this.#values;
    const base = component * statisticsPerComponent;
    add(values, base + (hasFailed ? statistic.failed : statistic.completed), 1);
    fall(values, base + statistic.present, nowNs);
    add(values, base + statistic.residenceNs, residenceNs);
    if (held) fall(values, base + statistic.held, nowNs);
  }

  /** A request leaves the queue without having got a slot; it still has to leave or to be shed. */
  leaveQueue(component: number, nowNs: number): void {
    fall(this.#values, component * statisticsPerComponent + statistic.waiting, nowNs);
  }

  /** A request is refused, on arrival or after it has waited. */
  shed(component: number, nowNs: number, residenceNs: number): void {
    const values = this.#values;
    const base = component * statisticsPerComponent;
    fall(values, base + statistic.present, nowNs);
    add(values, base + statistic.residenceNs, residenceNs);
    add(values, base + statistic.shed, 1);
  }

  forgetLongestQueues(): void {
    for (let component = 0; component < this.#components; component++) {
      this.longestQueue[component] = this.level(component, statistic.waiting);
    }
  }
}

function add(values: Float64Array, index: number, amount: number): void {
  values[index] = (values[index] as number) + amount;
}

function rise(values: Float64Array, level: number, nowNs: number): void {
  values[level] = (values[level] as number) + 1;
  values[level + toArea] = (values[level + toArea] as number) - nowNs;
}

function fall(values: Float64Array, level: number, nowNs: number): void {
  values[level] = (values[level] as number) - 1;
  values[level + toArea] = (values[level + toArea] as number) + nowNs;
}
