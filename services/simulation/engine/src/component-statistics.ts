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
import { RequestCounts } from "./request-counts.ts";

const counters = {
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
  /** instances that take requests or still end what they have, and the slots of those */
  serving: 32,
  slots: 33,
  /** Integrals over time of the levels, in the same order. */
  presentArea: 34,
  waitingArea: 35,
  heldArea: 36,
  workingArea: 37,
  coresArea: 38,
  backlogArea: 39,
  instancesArea: 40,
  servingArea: 41,
  slotsArea: 42,
} as const;
const width = 43;
/** For others; this file reads its own constants, which the compiler knows, and not the exported ones. */
export const statistic = counters;
export const statisticsPerComponent = width;
const levels = [
  counters.present,
  counters.waiting,
  counters.held,
  counters.working,
  counters.cores,
  counters.backlog,
  counters.instances,
  counters.serving,
  counters.slots,
];
/** Figures that `RequestCounts` has. */
const ownFigures = [
  ...(["arrivals", "completed", "failed", "shed", "started", "waited", "onTime", "waitedNs", "residenceNs"] as const),
  ...(["present", "waiting", "held", "working"] as const),
  ...(["presentArea", "waitingArea", "heldArea", "workingArea"] as const),
];
/** From a level to its integral. */
const toArea = counters.presentArea - counters.present;

/** All statistics as of one moment: component `c`'s are at `c * width + counters.x`. */
export interface Snapshot {
  readonly atNs: number;
  readonly values: Float64Array;
}

export class ComponentStatistics {
  readonly #values: Float64Array;
  /** By component: what is counted there, and only copied into the values when somebody reads. */
  readonly #requests: readonly RequestCounts[];

  constructor(components: number) {
    this.#values = new Float64Array(components * width);
    this.#requests = Array.from({ length: components }, () => new RequestCounts());
  }

  requestsAt(component: number): RequestCounts {
    return this.#requests[component] as RequestCounts;
  }

  snapshot(atNs: number): Snapshot {
    this.#settle();
    const values = this.#values.slice();
    for (let base = 0; base < values.length; base += width) {
      for (const level of levels) add(values, base + level + toArea, (values[base + level] as number) * atNs);
    }
    return { atNs, values };
  }

  /** Counts an event that changes no level: one of `statistic` that `RequestCounts` does not have. */
  count(component: number, which: number): void {
    add(this.#values, component * width + which, 1);
  }

  /** Adds to what is no count and no level: one of `statistic` that `RequestCounts` does not have. */
  add(component: number, which: number, amount: number): void {
    add(this.#values, component * width + which, amount);
  }

  /** Changes a level that `RequestCounts` does not have by an amount. */
  shift(component: number, level: number, amount: number, nowNs: number): void {
    const at = component * width + level;
    add(this.#values, at, amount);
    add(this.#values, at + toArea, -amount * nowNs);
  }

  /** The integral of a level since the start. */
  areaOf(component: number, level: number, nowNs: number): number {
    this.#settle();
    const at = component * width + level;
    return (this.#values[at + toArea] as number) + (this.#values[at] as number) * nowNs;
  }

  /** Of each component, by n: how long at least n requests were present since the start of the run. */
  presentAtLeastNs(nowNs: number): Float64Array[] {
    return this.#requests.map(({ present, presentAtLeastNs }) =>
      presentAtLeastNs.map((sum, least) => (least <= present ? sum + nowNs : sum)),
    );
  }

  /** Of each component, since `forgetLongestQueues`. */
  longestQueues(): Float64Array {
    return Float64Array.from(this.#requests, ({ longestQueue }) => longestQueue);
  }

  forgetLongestQueues(): void {
    for (const requests of this.#requests) requests.forgetLongestQueue();
  }

  /** Copies what the components' own objects count to where everything else is. */
  #settle(): void {
    for (const [component, requests] of this.#requests.entries()) {
      const base = component * width;
      for (const name of ownFigures) this.#values[base + counters[name]] = requests[name];
    }
  }
}

function add(values: Float64Array, index: number, amount: number): void {
  values[index] = (values[index] as number) + amount;
}
