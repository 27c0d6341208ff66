/**
 * One slot, several classes, the most important first, work never interrupted: M/G/1 with non-preemptive priorities
 * (Cobham 1954). A class waits for the work under way, for all that is before it, and for all that overtakes it.
 */
export interface PriorityClass {
  readonly arrivalsPerSecond: number;
  readonly meanServiceMs: number;
  readonly serviceScv: number;
}

/** Mean wait of each class in ms, given most important first; Infinity from the first class that cannot keep up. */
export function priorityWaitsMs(classes: readonly PriorityClass[]): number[] {
  const underWayMs = classes.reduce(
    (sum, { arrivalsPerSecond, meanServiceMs, serviceScv }) =>
      sum + ((arrivalsPerSecond / 1000) * meanServiceMs ** 2 * (1 + serviceScv)) / 2,
    0,
  );
  const total = classes.reduce((sum, one) => sum + (one.arrivalsPerSecond * one.meanServiceMs) / 1000, 0);
  let before = 0;
  return classes.map(({ arrivalsPerSecond, meanServiceMs }) => {
    const through = before + (arrivalsPerSecond * meanServiceMs) / 1000;
    // Saturated by lower classes, the slot is always busy: the work under way is then a mean over served work only.
    const residualMs = total > 1 ? residualWhenFullMs(classes) : underWayMs;
    const waitMs = through < 1 ? residualMs / ((1 - before) * (1 - through)) : Infinity;
    before = through;
    return waitMs;
  });
}

/** The mean rest of the work in a slot that never idles: classes are served in full until the slot's time is used up. */
function residualWhenFullMs(classes: readonly PriorityClass[]): number {
  let left = 1;
  let residualMs = 0;
  for (const { arrivalsPerSecond, meanServiceMs, serviceScv } of classes) {
    const share = Math.min(left, (arrivalsPerSecond * meanServiceMs) / 1000);
    residualMs += (share * meanServiceMs * (1 + serviceScv)) / 2;
    left -= share;
  }
  return residualMs;
}
