/**
 * Does anything limit at all? A system of which every part is mostly free, that answers well and in time and lets nobody
 * wait, needs nothing; whoever asks what to buy for it should hear that first. Something always comes first in a ranking,
 * and a percent of speed always gains something: neither makes it a limit.
 *
 * Nothing limits when
 * - no component is saturated or held (its slots or its cores) half of the time,
 * - twice the load still fits, by slots ÷ demand,
 * - fewer than 1 % of the answers are bad or late, and
 * - requests spend less than 5 % of their time in any queue or waiting for a connection.
 * Load that comes in bursts is judged by its mean here, and by who had to wait.
 */
import type { Model } from "../model.ts";
import type { Results } from "../results.ts";
import type { ElasticityJudgement, JudgedVariant } from "./elasticity.ts";
import type { OperationalLaws } from "./operational-laws.ts";
import type { Saturation } from "./saturation.ts";
import { mostConnectionWait, notableWaitShare, waitShares } from "./waiting.ts";
import { number, percent } from "./wording.ts";

/** A component whose slots are held less than this has more free than taken. */
export const mostlyFree = 0.5;
const leastRoom = 2;
const notableBadShare = 0.01;

export interface SpareCapacity {
  /** The component that is used most. */
  readonly component: string;
  readonly name: string;
  readonly utilization: number;
  /** End-to-end requests that come or are answered. */
  readonly ratePerSecond: number;
  /** How many times this load fits, by slots ÷ demand, and the component that is full then. */
  readonly headroom: number;
  readonly fullAt: string;
  readonly message: string;
  /** What would come next, in sentences: more load, faster answers. */
  readonly next: readonly string[];
}

interface Findings {
  readonly laws: OperationalLaws;
  readonly saturation: Saturation;
  /** Of all changes that were run, and the best of them when it helps. */
  readonly elasticity: ElasticityJudgement | undefined;
  readonly best: JudgedVariant | undefined;
}

/** Absent when something limits, or no slot was ever held. Pure. */
export function spareCapacityOf(
  model: Model,
  runs: readonly Results[],
  { laws, saturation, elasticity, best }: Findings,
): SpareCapacity | undefined {
  const { limitingComponent: fullAt, headroom, openPerSecond } = laws;
  if (fullAt === undefined || headroom === undefined || headroom < leastRoom) return undefined;
  const busiest = saturation.components.reduce((most, one) => (one.utilization > most.utilization ? one : most));
  if (saturation.saturated.length > 0 || busiest.utilization >= mostlyFree) return undefined;
  const wellShare = runs.reduce((sum, { goodputRatio }) => sum + goodputRatio, 0) / runs.length;
  if (1 - wellShare > notableBadShare) return undefined;
  const waited = Math.max(waitShares(model, runs)[0]?.share ?? 0, mostConnectionWait(model, runs)?.share ?? 0);
  if (waited >= notableWaitShare) return undefined;

  const ratePerSecond = Math.max(laws.ratePerSecond, openPerSecond);
  const nameOfFull = model.components.find(({ id }) => id === fullAt)?.name ?? fullAt;
  const { component, name, utilization } = busiest;
  const most = `${number(ratePerSecond * headroom)}/s`;
  return {
    component,
    name,
    utilization,
    ratePerSecond,
    headroom,
    fullAt,
    message:
      `nothing limits this system at ${number(ratePerSecond)}/s: the busiest is ${name} at ${percent(utilization)}, ` +
      `${percent(wellShare)} of the answers are good and in time, and about ${rounded(headroom)} times the load fits`,
    next: [
      `for more load: ${nameOfFull} is full first, at about ${rounded(headroom)} times this load (${most})`,
      ...(elasticity === undefined ? [] : [fasterSentence(elasticity, best)]),
    ],
  };
}

function fasterSentence({ variants }: ElasticityJudgement, best: JudgedVariant | undefined): string {
  if (best !== undefined) return `for faster answers: ${best.message}`;
  return `for faster answers: none of the ${number(variants.length)} changes that were run helps`;
}

/** "About" wants two digits. */
function rounded(times: number): string {
  return String(Number(times.toPrecision(2)));
}
