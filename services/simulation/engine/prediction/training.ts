/**
 * From labelled runs to an emulator. Half of the cases only calibrate the intervals: theory leaves little to learn, and with
 * n cases the coverage itself varies by √(0.9 × 0.1 ÷ n), 1.8 % with 280. Which half is drawn at random: neighbours in an even
 * design are systematically unlike, so that every second case would be of another kind than the rest.
 *
 * The spread is fitted to errors of models that had not seen the case (five folds), because errors on cases a model was
 * fitted to are too small. How large the trees are was chosen by the same folds, over all cases of this design.
 */
import { analyze, compileModel } from "../src/index.ts";
import { type BoostedTrees, evaluateTrees, fitTrees, type TreeOptions } from "../src/prediction/boosted-trees.ts";
import { conformalReach } from "../src/prediction/conformal.ts";
import {
  type EmulatorData,
  emulatorSchemaVersion,
  type FigureModel,
  type PredictedName,
  predictedFigures,
} from "../src/prediction/emulator.ts";
import { featureNames } from "../src/prediction/features.ts";
import { fitHull } from "../src/prediction/hull.ts";
import { predict, theoryAt } from "../src/prediction/predict.ts";
import { RandomStream } from "../src/random.ts";
import type { Label, LabelledRun } from "./labelled-run.ts";

export interface TrainingCase {
  readonly run: LabelledRun;
  readonly features: Float64Array;
  /** ln(simulated ÷ theory). */
  readonly residual: Label;
}

const coverage = 0.9;
const folds = 5;
const calibrationShare = 0.5;
const splitSeed = 1;
/** An error this small is noise of the label. */
const leastError = 0.003;
const responseTrees: TreeOptions = {
  trees: 120,
  depth: 3,
  learningRate: 0.15,
  leafRows: 12,
  shrinkage: 8,
  largestError: 0.012,
};
const spreadTrees: TreeOptions = {
  trees: 60,
  depth: 2,
  learningRate: 0.1,
  leafRows: 20,
  shrinkage: 10,
  largestError: Infinity,
};

/** Where trees are no better on cases they have not seen, theory stands. */
const asTheorySays: BoostedTrees = { depth: 1, base: 0, features: [], cuts: [], leaves: [] };

export function isCalibration({ index }: Pick<LabelledRun, "index">): boolean {
  return new RandomStream(splitSeed, `split/${index}`).uniform() < calibrationShare;
}

/** Leaves out what has no steady state by theory. */
export function trainingCases(runs: readonly LabelledRun[]): TrainingCase[] {
  return runs.flatMap((run) => {
    const model = compileModel(run.architecture);
    const theory = theoryAt(model, analyze(model));
    if (theory === undefined) return [];
    const residual = labelOf((name) => Math.log(run.label[name] / theory.theory[name]));
    return [{ run, features: theory.features, residual }];
  });
}

function labelOf(read: (name: PredictedName) => number): Label {
  return Object.fromEntries(predictedFigures.map((name) => [name, read(name)])) as Record<PredictedName, number>;
}

export function train(cases: readonly TrainingCase[], about: EmulatorData["training"]): EmulatorData {
  const fitted = cases.filter(({ run }) => !isCalibration(run));
  const calibration = cases.filter(({ run }) => isCalibration(run));
  const rows = fitted.map(({ features }) => features);
  const draft: EmulatorData = {
    schemaVersion: emulatorSchemaVersion,
    training: { ...about, fittedCases: fitted.length, calibrationCases: calibration.length },
    features: featureNames,
    coverage,
    hull: fitHull(cases.map(({ features }) => features)),
    figures: figuresOf((name) => {
      const values = fitted.map(({ residual }) => residual[name]);
      const guesses = outOfFold(rows, values);
      const isBetter =
        absoluteError(values, guesses) <
        absoluteError(
          values,
          values.map(() => 0),
        );
      const response = isBetter ? fitTrees(rows, values, responseTrees) : asTheorySays;
      const errors = values.map((value, row) =>
        Math.log(Math.max(leastError, Math.abs(value - (isBetter ? (guesses[row] as number) : 0)))),
      );
      return { response, spread: fitTrees(rows, errors, spreadTrees), reach: 1 };
    }),
  };
  // Calibrated on whole predictions, so that what ties them to the load (load-curve.ts) is in the intervals too.
  const predictions = calibration.map(({ run }) => predict(run.architecture, draft));
  return {
    ...draft,
    figures: figuresOf((name) => {
      const scored = calibration.flatMap(({ run }, at) => {
        const figure = name === "utilization" ? predictions[at]?.utilization : predictions[at]?.latencyMs?.[name];
        if (figure === undefined) return [];
        const scale = Math.log(figure.high / figure.value);
        return scale > 0 ? [{ actual: Math.log(run.label[name]), predicted: Math.log(figure.value), scale }] : [];
      });
      return { ...draft.figures[name], reach: Number(conformalReach(scored, coverage).toPrecision(5)) };
    }),
  };
}

function absoluteError(values: readonly number[], guesses: readonly number[]): number {
  return values.reduce((sum, value, row) => sum + Math.abs(value - (guesses[row] as number)), 0);
}

type Fit = (rows: readonly ArrayLike<number>[], values: readonly number[]) => (row: ArrayLike<number>) => number;

const fitOwnTrees: Fit = (rows, values) => {
  const model = fitTrees(rows, values, responseTrees);
  return (row) => evaluateTrees(model, row);
};

/** For each row what a model says that was fitted to the other folds; our trees unless said otherwise. */
export function outOfFold(
  rows: readonly ArrayLike<number>[],
  values: readonly number[],
  fit: Fit = fitOwnTrees,
): number[] {
  const guesses: number[] = rows.map(() => 0);
  for (let fold = 0; fold < folds; fold++) {
    const kept = [...rows.keys()].filter((row) => row % folds !== fold);
    const model = fit(
      kept.map((row) => rows[row] as ArrayLike<number>),
      kept.map((row) => values[row] as number),
    );
    for (let row = fold; row < rows.length; row += folds) guesses[row] = model(rows[row] as ArrayLike<number>);
  }
  return guesses;
}

function figuresOf(make: (name: PredictedName) => FigureModel): EmulatorData["figures"] {
  return Object.fromEntries(predictedFigures.map((name) => [name, make(name)])) as Record<PredictedName, FigureModel>;
}
