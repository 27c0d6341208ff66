/**
 * A time of which only mean and variance are known, taken for gamma distributed: exact for constants and exponentials
 * (so for the time in an M/M/1), close for sums of waits and work. It answers what time-outs and parallel calls ask for:
 * tail, mean of the part below a limit, and the slowest of several.
 *
 * The incomplete gamma function is its series below the mean and Lentz's continued fraction above (Numerical Recipes, 6.2);
 * for shapes beyond 1000 Wilson and Hilferty's (1931) cube root.
 */
export interface RandomTime {
  readonly meanMs: number;
  readonly varianceMs2: number;
}

export const noTime: RandomTime = { meanMs: 0, varianceMs2: 0 };

const normalShape = 1000;
const gridSteps = 400;

/** The probability that it is longer. */
export function tailAbove({ meanMs, varianceMs2 }: RandomTime, limitMs: number): number {
  if (meanMs === Infinity) return 1;
  if (varianceMs2 <= meanMs ** 2 * 1e-9) return meanMs > limitMs ? 1 : 0;
  return gammaTail(meanMs ** 2 / varianceMs2, (limitMs * meanMs) / varianceMs2);
}

/** The mean of the time or the limit, whichever is shorter. */
export function limitedMeanMs(time: RandomTime, limitMs: number): number {
  const { meanMs, varianceMs2 } = time;
  if (meanMs === Infinity) return limitMs;
  if (varianceMs2 <= meanMs ** 2 * 1e-9) return Math.min(meanMs, limitMs);
  const below = 1 - gammaTail(meanMs ** 2 / varianceMs2 + 1, (limitMs * meanMs) / varianceMs2);
  return meanMs * below + limitMs * tailAbove(time, limitMs);
}

/** The slowest of independent legs; `count` of each, which need not be whole. */
export function slowestOf(legs: readonly { readonly time: RandomTime; readonly count: number }[]): RandomTime {
  let longestMs = 0;
  for (const { time, count } of legs) {
    if (count <= 0) continue;
    if (time.meanMs === Infinity) return { meanMs: Infinity, varianceMs2: 0 };
    // Chebyshev's order of magnitude, with room for the logarithm that an exponential tail adds.
    longestMs = Math.max(longestMs, time.meanMs + Math.sqrt(time.varianceMs2) * (12 + 2 * Math.log(1 + count)));
  }
  if (longestMs === 0) return noTime;
  let meanMs = 0;
  let square = 0;
  // Simpson's rule on a grid that is finer near 0, where short legs live.
  for (let step = 0; step <= gridSteps; step++) {
    const share = step / gridSteps;
    const at = longestMs * share ** 2;
    let none = 1;
    for (const { time, count } of legs) if (count > 0) none *= (1 - tailAbove(time, at)) ** count;
    const coefficient = step === 0 || step === gridSteps ? 1 : step % 2 === 1 ? 4 : 2;
    const slice = (coefficient * 2 * share * longestMs * (1 - none)) / (3 * gridSteps);
    meanMs += slice;
    square += 2 * at * slice;
  }
  return { meanMs, varianceMs2: Math.max(0, square - meanMs ** 2) };
}

function gammaTail(shape: number, at: number): number {
  if (at <= 0) return 1;
  if (shape > normalShape) {
    const deviation = (Math.cbrt(at / shape) - 1 + 1 / (9 * shape)) * Math.sqrt(9 * shape);
    return 1 / (1 + Math.exp(1.5976 * deviation + 0.07056 * deviation ** 3));
  }
  const front = Math.exp(shape * Math.log(at) - at - logGamma(shape));
  if (at < shape + 1) {
    let term = 1 / shape;
    let sum = term;
    for (let step = 1; term > sum * 1e-15; step++) {
      term *= at / (shape + step);
      sum += term;
    }
    return Math.max(0, 1 - front * sum);
  }
  let b = at + 1 - shape;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let step = 1; step < 10_000; step++) {
    const a = step * (shape - step);
    b += 2;
    d = 1 / (a * d + b);
    c = b + a / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-14) break;
  }
  return front * fraction;
}

/** Stirling's series, after raising the argument to where it is exact. */
function logGamma(value: number): number {
  let shift = 0;
  let at = value;
  for (; at < 10; at++) shift += Math.log(at);
  const inverse = 1 / (at * at);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / at;
  return (at - 0.5) * Math.log(at) - at + Math.log(2 * Math.PI) / 2 + series - shift;
}
