/**
 * Calls made at once, each an independent exponential time without queueing: the slowest of n lasts a harmonic number of
 * means (David and Nagaraja, Order Statistics, 2003), the faster of two half a mean. Hedging sends the second only when
 * the first is late (Dean and Barroso, The Tail at Scale, 2013).
 */
export function slowestMeanMs(legs: number, meanMs: number): number {
  let harmonic = 0;
  for (let leg = legs; leg >= 1; leg--) harmonic += 1 / leg;
  return harmonic * meanMs;
}

export function slowestQuantileMs(legs: number, meanMs: number, share: number): number {
  // 1 - share^(1/legs), exact for many legs.
  return -meanMs * Math.log(-Math.expm1(Math.log(share) / legs));
}

/** The probability that at least one leg exceeds what a share of the legs stays below. */
export function anyLegAbove(legs: number, share: number): number {
  return -Math.expm1(legs * Math.log(share));
}

/** A second call after `delayMs` (0: at once): the extra calls as a share, and a quantile of the faster answer. */
export function hedged(
  meanMs: number,
  delayMs: number,
  share: number,
): { extraCallShare: number; meanMs: number; quantileMs: number } {
  const extraCallShare = Math.exp(-delayMs / meanMs);
  const leftMs = -meanMs * Math.log(1 - share);
  return {
    extraCallShare,
    meanMs: meanMs * (1 - extraCallShare / 2),
    quantileMs: leftMs <= delayMs ? leftMs : (delayMs + leftMs) / 2,
  };
}
