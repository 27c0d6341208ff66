/**
 * Where a falling tail P(T > t) meets a share, by bisection: slower than Newton's method, but a tail that is flat
 * somewhere cannot mislead it. `scale` is a first guess of the answer and sets its unit.
 */
export function quantileOfTail(tail: (time: number) => number, share: number, scale = 1): number {
  const left = 1 - share;
  if (tail(0) <= left) return 0;
  if (left <= 0) return Infinity;
  let above = scale;
  while (tail(above) > left) above *= 2;
  return rootOf((time) => tail(time) - left, 0, above);
}

/** Where a function falls through 0 between `low`, where it is above, and `high`, where it is not. */
export function rootOf(value: (at: number) => number, low: number, high: number): number {
  let below = low;
  let above = high;
  for (let step = 0; step < 100 && above - below > 1e-13 * above; step++) {
    const middle = (below + above) / 2;
    if (value(middle) > 0) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}
