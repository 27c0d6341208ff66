/**
 * Exact answers that a formula gives and a table would only round.
 *
 * The start of an M/M/1 from empty is computed by uniformization (Jensen, 1953): the chain is looked at when a Poisson
 * process of rate λ + μ ticks, and what it shows after k ticks is weighted with the probability of k ticks by then.
 */

/** Number in an M/M/1 that began empty: expected after `seconds`, and as a mean over the time until then. */
export function mmOneFromEmpty(
  arrivalsPerSecond: number,
  servedPerSecond: number,
  seconds: number,
): { atEnd: number; meanUntilEnd: number } {
  const ticksPerSecond = arrivalsPerSecond + servedPerSecond;
  const ticks = ticksPerSecond * seconds;
  const up = arrivalsPerSecond / ticksPerSecond;
  const most = Math.ceil(ticks + 12 * Math.sqrt(ticks) + 30);
  let probabilities = new Float64Array(most + 2);
  probabilities[0] = 1;
  let atEnd = 0;
  let area = 0;
  let ticksLeft = 1;
  for (let tick = 0; tick <= most; tick++) {
    const expected = probabilities.reduce((sum, probability, number) => sum + probability * number, 0);
    const weight = poissonProbability(tick, ticks);
    ticksLeft -= weight;
    atEnd += weight * expected;
    area += (expected * Math.max(0, ticksLeft)) / ticksPerSecond;
    const next = new Float64Array(most + 2);
    for (let number = 0; number <= tick; number++) {
      const probability = probabilities[number] as number;
      const below = Math.max(0, number - 1);
      next[number + 1] = (next[number + 1] as number) + probability * up;
      next[below] = (next[below] as number) + probability * (1 - up);
    }
    probabilities = next;
  }
  return { atEnd, meanUntilEnd: area / seconds };
}

/** Mean of the largest of `count` exponentials of mean 1: the harmonic number. */
export function meanOfLargest(count: number): number {
  return Array.from({ length: count }, (_, index) => 1 / (index + 1)).reduce((sum, term) => sum + term, 0);
}

/** Erlang's loss formula by its recursion: the share of calls that find all slots taken. */
export function erlangB(offered: number, slots: number): number {
  let blocked = 1;
  for (let slot = 1; slot <= slots; slot++) blocked = (offered * blocked) / (slot + offered * blocked);
  return blocked;
}

/** The shares in which keys are asked for, by Zipf's law with this exponent, the most wanted first. */
export function zipfShares(keys: number, skew: number): number[] {
  const weights = Array.from({ length: keys }, (_, index) => (index + 1) ** -skew);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Hit ratio of a least-recently-used cache for two of the keys that are asked for in these shares (King, 1971). */
export function lruOfTwoHits(shares: readonly number[]): number {
  let hits = 0;
  for (const [newer, share] of shares.entries()) {
    for (const [older, other] of shares.entries()) {
      // Last asked for was `newer`, and before its run of requests `older`.
      if (older !== newer) hits += ((share * other) / (1 - share)) * (share + other);
    }
  }
  return hits;
}

/**
 * Expected misses up to a time of a key that is asked for at Poisson times and kept for a fixed life from each miss, in a cache
 * that began empty: the sum over k of the probability that the k-th miss has come, of which k - 1 lives and k gaps go before.
 */
export function missesFromEmpty(perSecond: number, lifeSeconds: number, untilSeconds: number): number {
  let misses = 0;
  for (let miss = 1; untilSeconds > (miss - 1) * lifeSeconds; miss++) {
    const expected = perSecond * (untilSeconds - (miss - 1) * lifeSeconds);
    let fewer = 0;
    let term = Math.exp(-expected);
    for (let gaps = 0; gaps < miss; gaps++) {
      fewer += term;
      term *= expected / (gaps + 1);
    }
    misses += 1 - fewer;
  }
  return misses;
}

/** Mean calls until so many in a row fail, each with this probability. */
export function callsUntilFailuresInARow(failures: number, errorRatio: number): number {
  return (errorRatio ** -failures - 1) / (1 - errorRatio);
}

function poissonProbability(count: number, mean: number): number {
  let logFactorial = 0;
  for (let factor = 2; factor <= count; factor++) logFactorial += Math.log(factor);
  return Math.exp(count * Math.log(mean) - mean - logFactorial);
}
