/**
 * Requests that go to the less loaded of two random instances, or the least loaded of d (Mitzenmacher 1996; Vvedenskaya et
 * al. 1996).
 *
 * With many instances of c slots, let s(i) be the share of instances with i requests or more, and a the offered load of
 * one. In balance Σ over j ≥ i of min(j, c)(s(j) − s(j+1)) = a·s(i−1)^d. From c on that is s(i) = ρ·s(i−1)^d; below c it is
 * solved for s(i−1), downwards from a guess of s(c), which is right when s(0) comes out as 1. For one slot it is the known
 * sum of ρ^((d^i − d) ÷ (d − 1)).
 */
import { rootOf } from "./quantile.ts";

/** Mean wait in units of the mean service time, for exponential work and very many instances; `choices` from 2. */
export function choicesWait(choices: number, slots: number, offeredPerInstance: number): number {
  const rho = offeredPerInstance / slots;
  if (rho >= 1) return Infinity;
  if (rho <= 0) return 0;
  const full = rootOf((guess) => 1 - emptyShare(choices, slots, offeredPerInstance, guess), 0, 1);
  let waiting = 0;
  for (let share = rho * full ** choices; share > 1e-18; share = rho * share ** choices) waiting += share;
  return waiting / offeredPerInstance;
}

/** Of one slot per instance and the least loaded of `choices` instances, which may be more than two. */
export function choicesSojourn(choices: number, rho: number): number {
  if (rho >= 1) return Infinity;
  if (choices === 1) return 1 / (1 - rho);
  let sum = 0;
  for (let term = 1, power = 1; term > 1e-18; power *= choices) {
    sum += term;
    term *= rho ** (choices * power);
  }
  return sum;
}

/** s(0) when s(slots) is `full`. */
function emptyShare(choices: number, slots: number, offered: number, full: number): number {
  let share = full;
  let sumAbove = 0;
  for (let level = slots; level >= 1; level--) {
    const below = ((level * share + sumAbove) / offered) ** (1 / choices);
    if (below > 1e6) return below;
    sumAbove += share;
    share = below;
  }
  return share;
}
