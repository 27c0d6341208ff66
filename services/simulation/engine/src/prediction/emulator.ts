/**
 * The trained part of a prediction: by how much a simulation of such an architecture differs from theory, and how sure that
 * is. All of it is plain numbers (emulator.json), made by `prediction/train.ts` from runs of our own engine.
 *
 * It answers ln(simulated ÷ theory) and not a latency: theory carries units, topology and the rise near saturation, and
 * what is left is small and alike in small and large systems.
 */
import { type BoostedTrees, evaluateTrees } from "./boosted-trees.ts";
import type { Hull } from "./hull.ts";

export const emulatorSchemaVersion = 1;

export const predictedFigures = ["mean", "p50", "p95", "p99", "utilization"] as const;
export type PredictedName = (typeof predictedFigures)[number];

export interface FigureModel {
  /** ln(simulated ÷ theory). */
  readonly response: BoostedTrees;
  /** ln of the error to expect of it. */
  readonly spread: BoostedTrees;
  /** By how many such errors an interval reaches to both sides. */
  readonly reach: number;
}

export interface EmulatorData {
  readonly schemaVersion: number;
  /** What it was trained on. */
  readonly training: {
    readonly engineVersion: string;
    /** Of a fixed run; another hash means that the engine has changed since. */
    readonly engineTraceHash: string;
    readonly seed: number;
    readonly fittedCases: number;
    readonly calibrationCases: number;
    readonly mostEventsPerCase: number;
  };
  /** The features in their order. */
  readonly features: readonly string[];
  /** Of the intervals, 0 to 1. */
  readonly coverage: number;
  readonly hull: Hull;
  readonly figures: Readonly<Record<PredictedName, FigureModel>>;
}

/** ln(simulated ÷ theory). */
export function correctionOf(emulator: EmulatorData, name: PredictedName, features: ArrayLike<number>): number {
  return evaluateTrees(emulator.figures[name].response, features);
}

/** How far ln(simulated) may be from the prediction, to both sides. */
export function reachOf(emulator: EmulatorData, name: PredictedName, features: ArrayLike<number>): number {
  const { spread, reach } = emulator.figures[name];
  return reach * Math.exp(evaluateTrees(spread, features));
}

/** Throws RangeError when the data are of another schema or for other features than these. */
export function assertEmulator(emulator: EmulatorData, names: readonly string[]): void {
  if (emulator.schemaVersion !== emulatorSchemaVersion) {
    throw new RangeError(`the emulator has schema ${emulator.schemaVersion}; allowed is ${emulatorSchemaVersion}`);
  }
  if (emulator.features.join() !== names.join()) {
    throw new RangeError(`the emulator was trained on the features ${emulator.features.join()}, not ${names.join()}`);
  }
}
