/*
 * node prediction/train.ts: makes src/prediction/emulator.json from runs of our own engine, and prediction/training-cases.json
 * from the same, for who compares. The runs take about seven minutes of one processor; with --runs they are kept and used
 * again. What was reached is printed; prediction/hold-out.ts judges it on topologies that had no part in this.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type EmulatorData, predictedFigures } from "../src/prediction/emulator.ts";
import { designedRuns } from "./designed-runs.ts";
import { engineVersion, referenceTraceHash } from "./engine-identity.ts";
import { evaluateRidge, fitRidge } from "./ridge.ts";
import { meanAbsolutePercentage, percent } from "./scores.ts";
import { isCalibration, outOfFold, train, trainingCases } from "./training.ts";

const seed = 11;
const designedCases = 560;
const mostEventsPerCase = 1_600_000;
const ridgePenalty = 10;

const { values } = parseArgs({ options: { runs: { type: "string" } } });
const runs = designedRuns({ seed, cases: designedCases, mostEventsPerCase }, values.runs);
const cases = trainingCases(runs);
const about: EmulatorData["training"] = {
  engineVersion,
  engineTraceHash: referenceTraceHash(),
  seed,
  fittedCases: 0,
  calibrationCases: 0,
  mostEventsPerCase,
};
const emulator = train(cases, about);
writeFileSync(new URL("../src/prediction/emulator.json", import.meta.url), `${JSON.stringify(emulator)}\n`);
const kept = cases.map(({ run, features, residual }) => ({
  index: run.index,
  features: [...features].map(short),
  residual: predictedFigures.map((name) => short(residual[name])),
}));
writeFileSync(new URL("training-cases.json", import.meta.url), `${JSON.stringify(kept)}\n`);

console.log(`design: ${designedCases} topologies of seed ${seed}, ${cases.length} with a steady state`);
console.log(
  `engine: version ${engineVersion}, trace ${about.engineTraceHash}, at most ${mostEventsPerCase} events each`,
);
console.log(`fitted ${emulator.training.fittedCases}, calibrated on ${emulator.training.calibrationCases}`);
console.log("mean absolute error of the fitted cases, each by models that had not seen it; noise of their labels:");
const fitted = cases.filter(({ run }) => !isCalibration(run));
const rows = fitted.map(({ features }) => features);
for (const name of predictedFigures) {
  const actual = fitted.map(({ residual }) => residual[name]);
  const errorOf = (guesses: readonly number[]) =>
    percent(meanAbsolutePercentage(guesses.map((guess, row) => guess - (actual[row] as number))));
  const trees = errorOf(outOfFold(rows, actual));
  const ridge = errorOf(
    outOfFold(rows, actual, (some, theirs) => {
      const model = fitRidge(some, theirs, ridgePenalty);
      return (row) => evaluateRidge(model, row);
    }),
  );
  const theory = errorOf(actual.map(() => 0));
  const noise = Math.sqrt(fitted.reduce((sum, { run }) => sum + run.difference[name] ** 2, 0) / fitted.length) / 2;
  const { reach } = emulator.figures[name];
  console.log(
    `  ${name.padEnd(12)} trees ${trees}  ridge ${ridge}  theory ${theory}  noise ${percent(noise)}  reach ${reach}`,
  );
}

function short(value: number): number {
  return Number(value.toPrecision(4));
}
