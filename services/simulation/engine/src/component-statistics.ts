/**
 * What happened at every component since the start of the run: counts, levels, and the levels' integrals over time.
 *
 * Nothing is ever reset. A snapshot copies the numbers as of one moment, and any period (a frame, the run after its
 * warm-up) is the difference of two snapshots. Taking one changes nothing, so how often somebody looks cannot change a
 * result. Times are whole nanoseconds, and so are the integrals while below 2^53: Little's law holds to the last unit.
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
  /** Requests that got a slot, and how long they had waited for it in total. */
  started: 7,
  waitedNs: 8,
  /** Time from arrival to answer, over all that left. */
  residenceNs: 9,
  /** Integrals over time of the four levels below, in the same order. */
  presentArea: 10,
  waitingArea: 11,
  heldArea: 12,
  workingArea: 13,
  /** In the component; in its queues; holding slots; holding slots for own work rather than for downstream calls. */
  present: 14,
  waiting: 15,
  held: 16,
  working: 17,
  changedNs: 18,
  /** Lookups of caches; misses include those that waited for another's fetch, which are counted apart as well. */
  cacheHits: 19,
  cacheMisses: 20,
  collapsedMisses: 21,
} as const;
export const statisticsPerComponent = 22;

/** What happens without a change of level. */
type CountedEvent = "timedOut" | "retried" | "deadLettered" | "cacheHits" | "cacheMisses" | "collapsedMisses";

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
    for (let component = 0; component < this.#components; component++) integrate(values, component, atNs);
    return { atNs, values };
  }

  /** Counts an event that changes no level. */
  count(component: number, which: CountedEvent): void {
    add(this.#values, component * statisticsPerComponent + statistic[which], 1);
  }

  arrive(component: number, nowNs: number): void {
    const values = this.#values;
    const base = integrate(values, component, nowNs);
    add(values, base + statistic.arrivals, 1);
    add(values, base + statistic.present, 1);
  }

  enqueue(component: number, nowNs: number): void {
    const values = this.#values;
    const base = integrate(values, component, nowNs);
    add(values, base + statistic.waiting, 1);
    const waiting = values[base + statistic.waiting] as number;
    if (waiting > (this.longestQueue[component] as number)) this.longestQueue[component] = waiting;
  }

  /** A request begins its own work, straight away or out of the queue. */
  startWork(component: number, nowNs: number, isFromQueue: boolean, waitedNs: number): void {
    const values = this.#values;
    const base = integrate(values, component, nowNs);
    add(values, base + statistic.started, 1);
    add(values, base + statistic.held, 1);
    add(values, base + statistic.working, 1);
    if (!isFromQueue) return;
    add(values, base + statistic.waiting, -1);
    add(values, base + statistic.waitedNs, waitedNs);
  }

  endWork(component: number, nowNs: number): void {
    add(this.#values, integrate(this.#values, component, nowNs) + statistic.working, -1);
  }

  /** A slot is freed by a request that stays. */
  release(component: number, nowNs: number): void {
    add(this.#values, integrate(this.#values, component, nowNs) + statistic.held, -1);
  }

  /** A request that was admitted is answered. */
  leave(component: number, nowNs: number, outcome: "completed" | "failed", residenceNs: number, held: boolean): void {
    const values = this.#values;
    const base = integrate(values, component, nowNs);
    add(values, base + (outcome === "completed" ? statistic.completed : statistic.failed), 1);
    add(values, base + statistic.present, -1);
    add(values, base + statistic.residenceNs, residenceNs);
    if (held) add(values, base + statistic.held, -1);
  }

  /** A request is refused on arrival. */
  shed(component: number): void {
    const base = component * statisticsPerComponent;
    add(this.#values, base + statistic.present, -1);
    add(this.#values, base + statistic.shed, 1);
  }

  /** A request that waited is refused for a newer one. */
  evict(component: number, nowNs: number, residenceNs: number): void {
    const values = this.#values;
    const base = integrate(values, component, nowNs);
    add(values, base + statistic.waiting, -1);
    add(values, base + statistic.present, -1);
    add(values, base + statistic.residenceNs, residenceNs);
    add(values, base + statistic.shed, 1);
  }

  forgetLongestQueues(): void {
    for (let component = 0; component < this.#components; component++) {
      this.longestQueue[component] = this.#values[component * statisticsPerComponent + statistic.waiting] as number;
    }
  }
}

function add(values: Float64Array, index: number, amount: number): void {
  values[index] = (values[index] as number) + amount;
}

/** Brings the integrals up to now; answers where the component's numbers begin. */
function integrate(values: Float64Array, component: number, nowNs: number): number {
  const base = component * statisticsPerComponent;
  const elapsedNs = nowNs - (values[base + statistic.changedNs] as number);
  if (elapsedNs === 0) return base;
  values[base + statistic.changedNs] = nowNs;
  add(values, base + statistic.presentArea, (values[base + statistic.present] as number) * elapsedNs);
  add(values, base + statistic.waitingArea, (values[base + statistic.waiting] as number) * elapsedNs);
  add(values, base + statistic.heldArea, (values[base + statistic.held] as number) * elapsedNs);
  add(values, base + statistic.workingArea, (values[base + statistic.working] as number) * elapsedNs);
  return base;
}
