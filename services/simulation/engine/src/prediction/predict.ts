/**
 * Latency and utilization of an architecture without simulating it: theory (analytic/), corrected by an emulator of our
 * own engine, with intervals that cover what a run would show nine times out of ten.
 *
 * It takes some analyses (about 0.2 s) where a study takes many runs, and it says when not to believe it: an architecture that does what no
 * training case did (retries, bursts, keyed caches, …) or whose features lie outside theirs is `isExtrapolated`, and its
 * intervals promise nothing. Nothing is ever NaN; what has no steady state has no latency.
 */
import { type Analysis, analyze } from "../analytic/network.ts";
import type { Architecture } from "../architecture.ts";
import { compileModel, type Model } from "../model.ts";
import { analyticLatency } from "./analytic-latency.ts";
import trained from "./emulator.json" with { type: "json" };
import {
  assertEmulator,
  correctionOf,
  type EmulatorData,
  type PredictedName,
  predictedFigures,
  reachOf,
} from "./emulator.ts";
import { featureNames, featuresOf } from "./features.ts";
import { outsideOf } from "./hull.ts";
import { onCurve } from "./load-curve.ts";
import { unknownBehaviour } from "./unknown-behaviour.ts";

export interface PredictedFigure {
  readonly value: number;
  /** What a run shows lies between these for 90 % of the architectures like this one. */
  readonly low: number;
  readonly high: number;
  /** Without the emulator. */
  readonly theory: number;
}

export interface Prediction {
  /** Nothing below is predicted then but the load at which it saturates. */
  readonly isSaturated: boolean;
  /** Of requests that are answered well, in ms. Absent when saturated, or when nothing takes time. */
  readonly latencyMs?: Readonly<Record<Exclude<PredictedName, "utilization">, PredictedFigure>>;
  /** Mean share of its slots that the busiest component holds, 0 to 1; absent with the latency. */
  readonly utilization?: PredictedFigure;
  /** The busiest component, by theory. */
  readonly busiest?: string;
  /** By how much today's rates can be multiplied before something saturates, what that is in requests, and what saturates. */
  readonly maximumLoad: number;
  readonly maximumRatePerSecond: number;
  readonly limitingComponent?: string;
  /** True when it is unlike anything the emulator was trained on; `reasons` says how. */
  readonly isExtrapolated: boolean;
  readonly reasons: readonly string[];
}

const emulatorOfEngine: EmulatorData = trained;
/** Shares of the saturating load at which figures are tied down (load-curve.ts). */
const curveShares = [0.02, 0.25, 0.5, 0.7, 0.85, 0.95];

/** Throws ModelError when an architecture cannot be run. `emulator` is for those that train their own. */
export function predict(given: Model | Architecture, emulator: EmulatorData = emulatorOfEngine): Prediction {
  assertEmulator(emulator, featureNames);
  const model = "callOrder" in given ? given : compileModel(given);
  const analysis = analyze(model);
  const { limitingComponent } = analysis;
  const limit = {
    maximumLoad: analysis.maximumLoad.value,
    maximumRatePerSecond: analysis.maximumRatePerSecond.value,
    ...(limitingComponent === undefined ? {} : { limitingComponent }),
  };
  const here = theoryAt(model, analysis);
  const unknown = unknownBehaviour(model, analysis);
  if (here === undefined) {
    const isSaturated = analysis.components.some(({ isSaturated }) => isSaturated) || limit.maximumLoad <= 1;
    const reasons = isSaturated ? unknown : [...unknown, "nothing takes time, or theory finds no steady state"];
    return { isSaturated, ...limit, isExtrapolated: reasons.length > 0, reasons };
  }
  const curve = curveOf(model, analysis);
  const figure = (name: PredictedName): PredictedFigure => {
    const points = curve.map(({ load, theory, features }) => {
      const predicted = theory[name] * Math.exp(correctionOf(emulator, name, features));
      return { load, theory: theory[name], predicted };
    });
    const theory = here.theory[name];
    const value =
      points.length === 0
        ? theory * Math.exp(correctionOf(emulator, name, here.features))
        : onCurve(points, model.load, theory);
    const reach = Math.exp(reachOf(emulator, name, here.features));
    return { value, low: value / reach, high: value * reach, theory };
  };
  const found = Object.fromEntries(predictedFigures.map((name) => [name, figure(name)])) as Record<
    PredictedName,
    PredictedFigure
  >;
  const p95 = atLeast(found.p95, found.p50);
  const reasons = [...unknown, ...outsideOf(emulator.hull, featureNames, here.features)];
  return {
    isSaturated: false,
    latencyMs: { mean: found.mean, p50: found.p50, p95, p99: atLeast(found.p99, p95) },
    utilization: atMostOne(found.utilization),
    busiest: here.busiest,
    ...limit,
    isExtrapolated: reasons.length > 0,
    reasons,
  };
}

export interface Theory {
  readonly theory: Readonly<Record<PredictedName, number>>;
  readonly features: Float64Array;
  readonly busiest: string;
}

/** What theory says and what the emulator is asked with; `undefined` where there is no steady state or no time. */
export function theoryAt(model: Model, analysis: Analysis): Theory | undefined {
  const latency = analyticLatency(model, analysis);
  if (latency === undefined || latency.p50Ms <= 0) return undefined;
  const { meanMs, p50Ms, p95Ms, p99Ms } = latency;
  let busiest = "";
  let utilization = 0;
  let most = 0;
  for (const one of analysis.components) {
    if (one.offeredLoad.value <= most) continue;
    busiest = one.id;
    most = one.offeredLoad.value;
    utilization = one.utilization.value;
  }
  if (!(utilization > 0)) return undefined;
  const theory = { mean: meanMs, p50: p50Ms, p95: p95Ms, p99: p99Ms, utilization };
  return { theory, features: featuresOf(model, analysis, latency), busiest };
}

/** The fixed points up to the first beyond the load of the model. */
function curveOf(model: Model, analysis: Analysis): (Theory & { readonly load: number })[] {
  // Rounded, so that the points are the same whatever load they are worked out from.
  const saturating = Number((analysis.maximumLoad.value * model.load).toPrecision(6));
  const points: (Theory & { readonly load: number })[] = [];
  if (!(saturating > 0 && saturating < Infinity)) return points;
  for (const share of curveShares) {
    const load = share * saturating;
    const at = { ...model, load };
    const point = theoryAt(at, analyze(at));
    if (point === undefined) break;
    points.push({ ...point, load });
    if (load > model.load) break;
  }
  return points;
}

function atLeast(figure: PredictedFigure, least: PredictedFigure): PredictedFigure {
  const { value, low, high, theory } = figure;
  return {
    value: Math.max(value, least.value),
    low: Math.max(low, least.low),
    high: Math.max(high, least.high),
    theory,
  };
}

function atMostOne({ value, low, high, theory }: PredictedFigure): PredictedFigure {
  return { value: Math.min(1, value), low: Math.min(1, low), high: Math.min(1, high), theory };
}
