/**
 * Quantiles of the normal distribution and of Student's t.
 *
 * The normal quantile is Wichura's rational approximation (algorithm AS 241, 1988), good to about 16 digits. Student's t is
 * inverted from its tail, which is an incomplete beta function, I(x; v/2, 1/2) / 2 with x = v / (v + t^2), computed by its
 * continued fraction (Abramowitz and Stegun 26.5.8). Newton's method runs on log(tail) over log(t): there the heavy tails of
 * few degrees of freedom are nearly straight lines, so a handful of steps is enough for any probability. From 100 000 degrees
 * of freedom the fraction needs many terms and the expansion around the normal (A. and S. 26.7.5) is exact to the last digits.
 */
import { assertInnerShare } from "./samples.ts";

const nearlyNormalFrom = 1e5;

/** Where the standard normal distribution reaches `probability` (0 to 1, both excluded). Throws a RangeError outside. */
export function normalQuantile(probability: number): number {
  assertInnerShare("probability", probability);
  const distance = probability - 0.5;
  if (Math.abs(distance) <= 0.425) {
    const r = 0.180625 - distance * distance;
    return (distance * polynomial(centre.above, r)) / polynomial(centre.below, r);
  }
  const r = Math.sqrt(-Math.log(Math.min(probability, 1 - probability)));
  const [shift, part] = r <= 5 ? [1.6, shoulder] : [5, tail];
  return (Math.sign(distance) * polynomial(part.above, r - shift)) / polynomial(part.below, r - shift);
}

/**
 * Where Student's t distribution reaches `probability` (0 to 1, both excluded); `degreesOfFreedom` from 1, whole or not.
 * The error is below 1e-10 of the result, or 1e-15 where that is more, beside the middle. Throws a RangeError for other arguments.
 */
export function studentQuantile(probability: number, degreesOfFreedom: number): number {
  const normal = normalQuantile(probability);
  if (!(degreesOfFreedom >= 1)) throw new RangeError(`degreesOfFreedom: ${degreesOfFreedom} given; must be at least 1`);
  if (normal === 0) return 0;
  if (degreesOfFreedom >= nearlyNormalFrom) return expandedAroundNormal(normal, degreesOfFreedom);
  const share = Math.min(probability, 1 - probability);
  let t = Math.abs(normal);
  for (let step = 0; step < 60; step++) {
    const beyond = upperTail(t, degreesOfFreedom);
    const change = (Math.log(beyond / share) * beyond) / densityTimesT(t, degreesOfFreedom);
    t *= Math.exp(change);
    if (Math.abs(change) < 1e-14) break;
  }
  return Math.sign(normal) * t;
}

/** The probability of more than `t`, for t above 0. */
function upperTail(t: number, degreesOfFreedom: number): number {
  const v = degreesOfFreedom;
  const square = t * t;
  const x = v / (v + square);
  const y = 1 / (1 + v / square);
  const front = Math.exp((v / 2) * logOfX(t, v) + Math.log(y) / 2) * (gammaRatio(v / 2) / Math.sqrt(Math.PI));
  // The fraction converges fast on one side of the mean of the beta distribution; the other side is the complement.
  if (x < (v / 2 + 1) / (v / 2 + 2.5)) return (front * betaFraction(v / 2, 0.5, x)) / v;
  return 0.5 - front * betaFraction(0.5, v / 2, y);
}

/** Together, because far out the density alone is below the smallest number. */
function densityTimesT(t: number, degreesOfFreedom: number): number {
  const v = degreesOfFreedom;
  return (gammaRatio(v / 2) / Math.sqrt(v * Math.PI)) * Math.exp(((v + 1) / 2) * logOfX(t, v) + Math.log(t));
}

/** log(v / (v + t^2)), exact for both very small and very large t. */
function logOfX(t: number, v: number): number {
  const ratio = t / Math.sqrt(v);
  return ratio < 1e100 ? -Math.log1p(ratio * ratio) : -2 * Math.log(ratio);
}

/** The continued fraction of the incomplete beta function, by Lentz's method as improved by Thompson and Barnett (1986). */
function betaFraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    result *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return result;
}

/** Gamma(a + 1/2) / Gamma(a): the series in 1/a where it is exact, and steps of 1 up to there. */
function gammaRatio(a: number): number {
  let factor = 1;
  let at = a;
  for (; at < 16; at++) factor *= at / (at + 0.5);
  const s = 1 / (at * at);
  const series = (-1 / 8 + s * (1 / 192 + s * (-1 / 640 + s * (17 / 14_336 - (s * 31) / 18_432)))) / at;
  return factor * Math.sqrt(at) * Math.exp(series);
}

function expandedAroundNormal(z: number, v: number): number {
  const s = z * z;
  const first = (z * (s + 1)) / 4;
  const second = (z * (3 + s * (16 + s * 5))) / 96;
  const third = (z * (-15 + s * (17 + s * (19 + s * 3)))) / 384;
  return z + (first + (second + third / v) / v) / v;
}

/** Coefficients from the constant up. */
function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let index = coefficients.length - 1; index >= 0; index--) sum = sum * x + (coefficients[index] as number);
  return sum;
}

const centre = {
  above: [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
    33430.57558358813, 2509.0809287301227,
  ],
  below: [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
};

const shoulder = {
  above: [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  below: [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
};

const tail = {
  above: [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  below: [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 1.8463183175100548e-5,
    1.421511758316446e-7, 2.0442631033899397e-15,
  ],
};
