/**
 * Arithmetic with whole distributions of times, on a grid of equal steps from 0: one after the other, the slower of two,
 * a mixture, a wait.
 *
 * `masses[k]` is the probability of k steps. What lies beyond the grid is left out and never comes back, so every sum
 * below the end of the grid is exact, however short the grid is: it only has to reach a little past the quantile that is
 * asked for. Times are put on the grid so that their means are kept (local moment matching, Gerber 1982): second order in
 * the step, and nothing is lost when a time is much shorter than a step.
 */
export type Masses = Float64Array<ArrayBuffer>;

const negligible = 1e-13;

/** No time at all. */
export function atOnce(steps: number): Masses {
  const masses = new Float64Array(steps);
  masses[0] = 1;
  return masses;
}

/** A time given by E[min(T, x)], which must not fall in x. */
export function onGrid(limitedMean: (x: number) => number, steps: number, step: number): Masses {
  const masses = new Float64Array(steps);
  let before = 0;
  let here = limitedMean(step);
  masses[0] = 1 - here / step;
  for (let k = 1; k < steps; k++) {
    const after = limitedMean((k + 1) * step);
    masses[k] = Math.max(0, (2 * here - before - after) / step);
    before = here;
    here = after;
  }
  return masses;
}

/** The sum of two independent times. */
export function sumOf(first: Masses, second: Masses): Masses {
  const steps = first.length;
  const sum = new Float64Array(steps);
  const end = lengthOf(second);
  for (let i = 0; i < steps; i++) {
    const mass = first[i] as number;
    if (mass < negligible) continue;
    const stop = Math.min(end, steps - i);
    for (let j = 0; j < stop; j++) sum[i + j] = (sum[i + j] as number) + mass * (second[j] as number);
  }
  return sum;
}

/** The first time with that share, else the second. */
export function mixtureOf(share: number, first: Masses, second: Masses): Masses {
  return first.map((mass, k) => share * mass + (1 - share) * (second[k] as number));
}

/** The slowest of independent times; `count` of each, whose fraction is a chance of one more. */
export function slowestOf(legs: readonly { readonly masses: Masses; readonly count: number }[]): Masses {
  const steps = legs[0]?.masses.length ?? 0;
  const slowest = new Float64Array(steps);
  const below = new Float64Array(legs.length);
  let before = 0;
  for (let k = 0; k < steps; k++) {
    let all = 1;
    for (const [index, { masses, count }] of legs.entries()) {
      const share = (below[index] as number) + (masses[k] as number);
      below[index] = share;
      const whole = Math.floor(count);
      all *= share ** whole * (1 - (count - whole) * (1 - share));
    }
    slowest[k] = Math.max(0, all - before);
    before = all;
  }
  return slowest;
}

/** Mean in steps, of what lies on the grid. */
export function meanSteps(masses: Masses): number {
  let total = 0;
  let sum = 0;
  for (let k = 0; k < masses.length; k++) {
    total += masses[k] as number;
    sum += k * (masses[k] as number);
  }
  return total === 0 ? 0 : sum / total;
}

/** Squared coefficient of variation, of what lies on the grid. */
export function scvOf(masses: Masses): number {
  const mean = meanSteps(masses);
  if (mean === 0) return 0;
  let total = 0;
  let square = 0;
  for (let k = 0; k < masses.length; k++) {
    total += masses[k] as number;
    square += k * k * (masses[k] as number);
  }
  return Math.max(0, square / total / (mean * mean) - 1);
}

/** The time that this share stays below, in steps; `undefined` when it lies beyond the grid. */
export function quantileSteps(masses: Masses, share: number): number | undefined {
  let before = 0;
  let below = 0;
  for (let k = 0; k < masses.length; k++) {
    const mass = masses[k] as number;
    // The mass of a point is spread over both its sides.
    const here = below + mass / 2;
    if (here >= share) {
      const gap = here - before;
      return k === 0 || gap === 0 ? k : k - 1 + (share - before) / gap;
    }
    before = here;
    below += mass;
  }
  return undefined;
}

/**
 * The wait of those who wait at a station that is busy for a share `busy` of the time: a geometric number of remaining
 * times of `held`, stretched to this mean. Exact for M/G/1 (Pollaczek 1930, Khinchine 1932; solved by Panjer's recursion
 * of 1981); with more slots it is Tijms's approximation (A First Course in Stochastic Models, 2003, 9.6).
 */
export function waitOf(held: Masses, busy: number, waitMeanSteps: number): Masses {
  const remaining = remainingOf(held);
  const stretch = (waitMeanSteps * (1 - busy)) / meanSteps(remaining);
  const part = stretched(remaining, stretch);
  const steps = held.length;
  const end = lengthOf(part);
  const front = 1 - busy * (part[0] as number);
  const all = new Float64Array(steps);
  all[0] = (1 - busy) / front;
  for (let k = 1; k < steps; k++) {
    let sum = 0;
    const most = Math.min(k, end - 1);
    for (let j = 1; j <= most; j++) sum += (part[j] as number) * (all[k - j] as number);
    all[k] = (busy * sum) / front;
  }
  all[0] = (all[0] as number) - (1 - busy);
  for (let k = 0; k < steps; k++) all[k] = (all[k] as number) / busy;
  return all;
}

/** What is left of a time when somebody comes at random (its equilibrium distribution). */
function remainingOf(held: Masses): Masses {
  const remaining = new Float64Array(held.length);
  let left = 0;
  for (const mass of held) left += mass;
  let total = 0;
  for (let k = 0; k + 1 < held.length; k++) {
    left -= held[k] as number;
    if (left <= negligible) break;
    remaining[k] = (remaining[k] as number) + left / 2;
    remaining[k + 1] = (remaining[k + 1] as number) + left / 2;
    total += left;
  }
  if (total === 0) return atOnce(held.length);
  for (let k = 0; k < held.length; k++) remaining[k] = (remaining[k] as number) / total;
  return remaining;
}

function stretched(masses: Masses, factor: number): Masses {
  const steps = masses.length;
  const result = new Float64Array(steps);
  for (let k = 0; k < steps; k++) {
    const place = k * factor;
    const low = Math.floor(place);
    if (low >= steps) break;
    const mass = masses[k] as number;
    result[low] = (result[low] as number) + mass * (low + 1 - place);
    if (low + 1 < steps) result[low + 1] = (result[low + 1] as number) + mass * (place - low);
  }
  return result;
}

function lengthOf(masses: Masses): number {
  let end = masses.length;
  while (end > 0 && (masses[end - 1] as number) < negligible) end--;
  return end;
}
