/**
 * A component whose requests share its cores: processor sharing, each request getting one core at most.
 *
 * The number present is then that of M/M/c with as many servers as cores, whatever the distribution of the work: stations
 * that share equally are symmetric queues, which see only its mean (Kelly, Reversibility and Stochastic Networks, 1979, 3.3).
 * So the time of a request is its work and the wait of M/M/c, but it is spent working slowly instead of waiting: a slot is
 * held for all of it. With one core and slots enough that is S ÷ (1 - ρ).
 * - Where slots end before requests do, who is beyond them waits: of the geometric tail of M/M/c the part above the slots.
 *   Exact for exponential work, else near it.
 * - Less than one core is one slow core. Between whole numbers of cores the wait lies where that of M/M/c does whose deaths
 *   come at min(n, c), at equal utilization.
 * - The variance is that of M/M/1-PS (Coffman, Muntz and Trotter, 1970), by the share of the time that sharing costs.
 */
import { componentWait, type WaitGiven } from "./component-wait.ts";
import type { RandomTime } from "./random-time.ts";

/** Cores are shared where there may be more requests than cores. */
export function sharesCores({ cpus, concurrency }: { readonly cpus: number; readonly concurrency: number }): boolean {
  return cpus > 0 && cpus < concurrency;
}

export interface SharedCores {
  /** Of the cores; 1 or above is saturated. */
  readonly offered: number;
  readonly shedRatio: number;
  /** The own work as long as sharing makes it, in a slot. */
  readonly work: RandomTime;
  /** For a slot, when only own work holds slots. */
  readonly wait: RandomTime;
}

/** `given.hold` is the own work with a core for itself; `cpus` and `given.concurrency` are of one instance. */
export function sharedCores(given: WaitGiven, cpus: number): SharedCores {
  const own = given.hold;
  const aloneMs = own.meanMs / Math.min(1, cpus);
  const { offered, shedRatio, waitMs } = waitForCores(given, cpus);
  if (waitMs === Infinity) {
    const endless = { meanMs: Infinity, varianceMs2: 0 };
    return { offered, shedRatio, work: endless, wait: endless };
  }
  const spareSlots = (given.concurrency - Math.max(1, cpus)) * given.instances;
  const beyondSlots = Math.min(1, offered) ** spareSlots;
  const meanMs = aloneMs + waitMs * (1 - beyondSlots);
  const shared = meanMs === 0 ? 0 : 1 - aloneMs / meanMs;
  const ownScv = own.meanMs === 0 ? 0 : own.varianceMs2 / own.meanMs ** 2;
  const slotWaitMs = waitMs * beyondSlots;
  return {
    offered,
    shedRatio,
    work: { meanMs, varianceMs2: meanMs ** 2 * (ownScv + (2 * shared) / (2 - shared)) },
    wait: { meanMs: slotWaitMs, varianceMs2: slotWaitMs ** 2 },
  };
}

function waitForCores(given: WaitGiven, cpus: number): { offered: number; shedRatio: number; waitMs: number } {
  if (cpus <= 1) return waitForWhole(given, 1, given.hold.meanMs / cpus, 1);
  const [below, above] = [Math.floor(cpus), Math.ceil(cpus)];
  const lower = waitForWhole(given, below, given.hold.meanMs, below / cpus);
  if (below === above || lower.waitMs === 0 || lower.waitMs === Infinity) return lower;
  const upper = waitForWhole(given, above, given.hold.meanMs, above / cpus);
  const [most, least] = [beyondCores(below, lower.offered), beyondCores(above, lower.offered)];
  const part = most === least ? 0 : (most - beyondCores(cpus, lower.offered)) / (most - least);
  return { ...lower, waitMs: lower.waitMs + part * (upper.waitMs - lower.waitMs) };
}

/** Wait ÷ work of M/M/c at a utilization below 1, also for cores that are no whole number: deaths come at min(n, c). */
function beyondCores(cores: number, utilization: number): number {
  const offered = cores * utilization;
  const whole = Math.floor(cores);
  // Sums of the probabilities of 0 to `whole` present, and of their means, ÷ the probability of `whole`.
  let sum = 1;
  let present = 0;
  for (let n = 1; n <= whole; n++) {
    sum = 1 + (sum * n) / offered;
    present = n + (present * n) / offered;
  }
  if (sum === Infinity) return 0;
  const beyond = utilization / (1 - utilization);
  const mean = (present + whole * beyond + beyond / (1 - utilization)) / (sum + beyond);
  return mean / offered - 1;
}

function waitForWhole(given: WaitGiven, cores: number, meanMs: number, rateShare: number) {
  const { offered, shedRatio, wait } = componentWait({
    ...given,
    concurrency: cores,
    hold: { meanMs, varianceMs2: meanMs ** 2 },
    queueCapacity: given.queueCapacity + given.concurrency - cores,
    arrivalsPerSecond: given.arrivalsPerSecond * rateShare,
  });
  return { offered, shedRatio, waitMs: wait.meanMs };
}
