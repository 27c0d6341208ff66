/**
 * The Universal Scalability Law of measured throughputs, by nonlinear least squares: Levenberg and Marquardt's method (1963)
 * from the straight-line form N ÷ X = (1 + α(N − 1) + βN(N − 1)) ÷ γ, which alone would weigh small throughputs too much.
 *
 * α and β are not negative: both would mean that work gets less by being shared. Where the data ask for it all the same, the
 * parameter is left at 0, and of all ways to leave some at 0 the one that fits best is taken: the best fit within the limits
 * is always one of these.
 *
 * Intervals are Student's t on the asymptotic covariance s²(JᵀJ)⁻¹ (Bates and Watts 1988, 2.3); those of the peak and of
 * predictions carry it on to first order. They say how far the measurements' scatter could have moved the fit, not whether the law
 * goes on to hold beyond them.
 */
import {
  type Gradient,
  highestThroughput,
  peakLoad,
  type ScalabilityLaw,
  throughputAt,
  throughputGradient,
} from "../analytic/scalability-law.ts";
import { studentQuantile } from "../statistics/t-distribution.ts";
import { CalibrationError } from "./json.ts";
import { nonNegativeLeastSquares } from "./least-squares.ts";
import type { MeasuredLoad } from "./read-load-test.ts";
import { inverse, type Matrix, quadraticForm } from "./small-matrix.ts";

const confidence = 0.95;
const fewestPoints = 4;
const fewestLoads = 3;
const mostSteps = 500;
/** As a share of the throughput. */
const smallestGain = 1e-9;

/** With its 95 % interval; without where it was left at its limit. */
export interface FittedValue {
  readonly value: number;
  readonly interval: { readonly low: number; readonly high: number } | undefined;
}

export interface ScalabilityFit {
  readonly law: ScalabilityLaw;
  readonly alpha: FittedValue;
  readonly beta: FittedValue;
  readonly gamma: FittedValue;
  /** Undefined when the throughput never falls, or falls from the start (α from 1). */
  readonly peak: { readonly load: FittedValue; readonly throughput: FittedValue } | undefined;
  /** What the throughput does not exceed; infinite when nothing holds it back. */
  readonly ceiling: number;
  /** Standard deviation of what is left, in the unit of the throughput, and the share of the variation that is explained. */
  readonly residualError: number;
  readonly explained: number;
  /** In the order given; `residual` is measured less fitted. */
  readonly points: readonly (MeasuredLoad & { readonly fitted: number; readonly residual: number })[];
  readonly lowestLoad: number;
  readonly highestLoad: number;
  /** The mean throughput at a load, which may lie beyond the measured ones. */
  readonly predict: (load: number) => FittedValue & { readonly load: number; readonly isExtrapolated: boolean };
}

interface Candidate {
  readonly law: ScalabilityLaw;
  readonly free: readonly number[];
  readonly squares: number;
}

/** Throws CalibrationError when there are fewer than 4 measurements or 3 different loads. */
export function fitScalability(measured: readonly MeasuredLoad[]): ScalabilityFit {
  const loads = new Set(measured.map(({ load }) => load));
  if (measured.length < fewestPoints || loads.size < fewestLoads) {
    throw new CalibrationError(
      `${measured.length} measurements at ${loads.size} different loads; three parameters and their intervals take at ` +
        `least ${fewestPoints} at ${fewestLoads}`,
    );
  }
  const { law, free, squares } = bestFit(measured);
  const freedom = measured.length - free.length;
  const variance = squares / freedom;
  const covariance = inverse(normalMatrix(measured, law, free))?.map((row) => row.map((entry) => entry * variance));
  const t = studentQuantile((1 + confidence) / 2, freedom);
  const around = (value: number, gradient: readonly number[]): FittedValue => {
    const own = free.map((parameter) => gradient[parameter] as number);
    if (covariance === undefined || own.every((slope) => slope === 0)) return { value, interval: undefined };
    const reach = t * Math.sqrt(Math.max(0, quadraticForm(covariance, own)));
    return { value, interval: { low: Math.max(0, value - reach), high: value + reach } };
  };
  const total = squaresAround(measured.map(({ throughput }) => throughput));
  const lowestLoad = Math.min(...loads);
  const highestLoad = Math.max(...loads);
  return {
    law,
    alpha: around(law.alpha, [1, 0, 0]),
    beta: around(law.beta, [0, 1, 0]),
    gamma: around(law.gamma, [0, 0, 1]),
    peak: peakOf(law, around),
    ceiling: highestThroughput(law),
    residualError: Math.sqrt(variance),
    explained: total > 0 ? Math.max(0, 1 - squares / total) : 0,
    points: measured.map((point) => {
      const fitted = throughputAt(law, point.load);
      return { ...point, fitted, residual: point.throughput - fitted };
    }),
    lowestLoad,
    highestLoad,
    predict: (load) => ({
      ...around(throughputAt(law, load), throughputGradient(law, load)),
      load,
      isExtrapolated: load < lowestLoad || load > highestLoad,
    }),
  };
}

function peakOf(law: ScalabilityLaw, around: (value: number, gradient: Gradient) => FittedValue) {
  const load = peakLoad(law);
  if (!(load > 0 && load < Infinity)) return undefined;
  // At the peak the throughput does not change with the load, so only the parameters' own effect is left.
  return {
    load: around(load, [-1 / (2 * law.beta * load), -load / (2 * law.beta), 0]),
    throughput: around(throughputAt(law, load), throughputGradient(law, load)),
  };
}

function bestFit(measured: readonly MeasuredLoad[]): Candidate {
  const candidates = [[2], [0, 2], [1, 2], [0, 1, 2]].map((free) => fitFree(measured, free));
  const allowed = candidates.filter(({ law }) => law.alpha >= 0 && law.beta >= 0 && law.gamma > 0);
  // One more parameter has to bring more than rounding, or data without a peak would get one at a load of 10^10.
  const rounding = sum(measured, ({ throughput }) => (smallestGain * throughput) ** 2);
  return allowed.reduce((best, one) => (one.squares < best.squares - rounding ? one : best));
}

/** Moves only these of [α, β, γ]; the others are 0. */
function fitFree(measured: readonly MeasuredLoad[], free: readonly number[]): Candidate {
  let at = startOf(measured, free);
  let squares = squaresOf(measured, lawOf(at));
  let damping = 1e-3;
  for (let step = 0; step < mostSteps && damping < 1e12; step++) {
    const law = lawOf(at);
    const normal = normalMatrix(measured, law, free);
    const damped = inverse(normal.map((row, r) => row.map((entry, c) => (r === c ? entry * (1 + damping) : entry))));
    const slope = free.map((parameter) =>
      sum(measured, (point) => (throughputGradient(law, point.load)[parameter] as number) * residualOf(point, law)),
    );
    const next = [...at];
    for (const [row, parameter] of free.entries()) {
      next[parameter] =
        (at[parameter] as number) + sum(damped?.[row]?.entries() ?? [], ([c, e]) => e * (slope[c] ?? 0));
    }
    const nextSquares = squaresOf(measured, lawOf(next));
    if (!(nextSquares < squares)) {
      damping *= 10;
      continue;
    }
    const isDone = squares - nextSquares <= 1e-15 * squares;
    [at, squares, damping] = [next, nextSquares, damping / 10];
    if (isDone) break;
  }
  return { law: lawOf(at), free, squares };
}

/** From the straight-line form, or one worker's share of the first load where that finds no start. */
function startOf(measured: readonly MeasuredLoad[], free: readonly number[]): number[] {
  const columns = [(n: number) => n - 1, (n: number) => n * (n - 1), () => 1];
  const { coefficients } = nonNegativeLeastSquares(
    free.map((parameter) => Float64Array.from(measured, ({ load }) => columns[parameter]?.(load) as number)),
    Float64Array.from(measured, ({ load, throughput }) => load / throughput),
  );
  const constant = coefficients.at(-1) as number;
  const start = [0, 0, Math.max(...measured.map(({ load, throughput }) => throughput / load))];
  if (!(constant > 0)) return start;
  for (const [index, parameter] of free.entries()) start[parameter] = (coefficients[index] as number) / constant;
  start[2] = 1 / constant;
  return start;
}

function lawOf([alpha = 0, beta = 0, gamma = 0]: readonly number[]): ScalabilityLaw {
  return { alpha, beta, gamma };
}

function normalMatrix(measured: readonly MeasuredLoad[], law: ScalabilityLaw, free: readonly number[]): Matrix {
  const gradients = measured.map(({ load }) => throughputGradient(law, load));
  return free.map((row) =>
    free.map((column) => sum(gradients, (slopes) => (slopes[row] as number) * (slopes[column] as number))),
  );
}

/** Infinite where the law stops to mean anything at one of the loads. */
function squaresOf(measured: readonly MeasuredLoad[], law: ScalabilityLaw): number {
  if (measured.some(({ load }) => !(throughputAt(law, load) > 0))) return Infinity;
  return sum(measured, (point) => residualOf(point, law) ** 2);
}

function residualOf({ load, throughput }: MeasuredLoad, law: ScalabilityLaw): number {
  return throughput - throughputAt(law, load);
}

function squaresAround(values: readonly number[]): number {
  const mean = sum(values, (value) => value) / values.length;
  return sum(values, (value) => (value - mean) ** 2);
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
}
