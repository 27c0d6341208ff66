import { formatNumber } from "../report/table.ts";
import type { Samples } from "../rounds.ts";

/*
 * What the measurements of the simulator share. All of them compute on one thread and wait for nothing, so they are timed
 * by the processor and not by the wall: other work on the machine then disturbs caches, and not the clock.
 */

/** Whose figures are ours. */
export const ours = "weft";

export interface SimulationProfile {
  readonly name: string;
  readonly rounds: number;
  /** Of one measurement in this process. */
  readonly measureMs: number;
  readonly simpyCustomers: number;
  readonly cCustomers: number;
  /** Simulated, in an overload. */
  readonly minutes: number;
}

export const simulationProfiles: { readonly full: SimulationProfile; readonly quick: SimulationProfile } = {
  full: { name: "full", rounds: 9, measureMs: 1000, simpyCustomers: 150_000, cCustomers: 8_000_000, minutes: 10 },
  quick: { name: "quick", rounds: 3, measureMs: 400, simpyCustomers: 60_000, cCustomers: 3_000_000, minutes: 2 },
};

export interface Measuring {
  readonly samples: Samples;
  readonly profile: SimulationProfile;
  progress(line: string): void;
}

/** Processor time of this process so far, its helper threads included. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The last values of a series, for a line of progress. */
export function latest(samples: Samples, series: string, who: readonly string[]): string {
  return who.map((one) => `${one} ${formatNumber(samples.values(series, one).at(-1) ?? null)}`).join(", ");
}
