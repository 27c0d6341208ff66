/*
 * node prediction/hold-out.ts: the emulator on topologies of another seed, which had no part in its training. It prints how
 * far predictions are from what the engine shows, whether the intervals hold what they promise, and what theory alone and the
 * nearest training case would have said. The exit code is 1 when a bar is missed. Three minutes of one processor; --seed N
 * takes other topologies, --runs FILE keeps the runs, --freeze writes the first of them to frozen-cases.json, which a test reads.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { PredictedName } from "../src/prediction/emulator.ts";
import { predictedFigures } from "../src/prediction/emulator.ts";
import { type PredictedFigure, type Prediction, predict } from "../src/prediction/predict.ts";
import { designedRuns } from "./designed-runs.ts";
import { nearestNeighbour } from "./nearest-neighbour.ts";
import { holdsSlotsForCalls, saturatingRatePerSecond } from "./saturation.ts";
import { errorQuantile, meanAbsolutePercentage, percent } from "./scores.ts";
import { trainingCases } from "./training.ts";

const designedCases = 200;
const mostEventsPerCase = 1_600_000;
const mostUtilization = 0.85;
const frozenCases = 8;
const bars = { p99: 0.1, coverage: [0.87, 0.93], saturation: 0.05 } as const;

const { values } = parseArgs({
  options: {
    runs: { type: "string" },
    seed: { type: "string", default: "20" },
    freeze: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const runs = designedRuns({ seed, cases: designedCases, mostEventsPerCase }, values.runs);
const neighbour = nearestNeighbour();
const judged = trainingCases(runs)
  .filter(({ run }) => run.label.utilization <= mostUtilization)
  .map((one) => ({ ...one, prediction: predict(one.run.architecture), neighbour: neighbour(one.features) }));

if (values.freeze) freeze();

console.log(
  `${runs.length} topologies of seed ${seed}, ${judged.length} of them up to a utilization of ${mostUtilization}`,
);
console.log(
  "mean absolute error (median, nine of ten below); theory alone; nearest training case; coverage of 90 % intervals",
);
const missed: string[] = [];
for (const name of predictedFigures) {
  const cases = judged.flatMap((one) => {
    const figure = figureOf(one.prediction, name);
    return figure === undefined ? [] : [{ ...one, figure, actual: one.run.label[name] }];
  });
  const errors = cases.map(({ figure, actual }) => Math.log(figure.value / actual));
  const ours = meanAbsolutePercentage(errors);
  const theory = meanAbsolutePercentage(cases.map(({ residual }) => -residual[name]));
  const nearest = meanAbsolutePercentage(cases.map((one) => one.neighbour[name] - one.residual[name]));
  const covered = cases.filter(({ figure, actual }) => actual >= figure.low && actual <= figure.high).length;
  const coverage = covered / cases.length;
  const width = cases.reduce((sum, { figure }) => sum + Math.log(figure.high / figure.value), 0) / cases.length;
  console.log(
    `  ${name.padEnd(12)}${percent(ours)} (${percent(errorQuantile(errors, 0.5)).trim()}, ${percent(errorQuantile(errors, 0.9)).trim()})` +
      `  theory ${percent(theory)}  nearest ${percent(nearest)}  covered ${percent(coverage)}, ± ${percent(Math.expm1(width)).trim()}`,
  );
  if (name === "p99" && !(ours <= bars.p99)) missed.push(`p99 is ${percent(ours)} off`);
  if (name === "p99" && !(ours < theory && ours < nearest))
    missed.push("p99 is no better than theory or the nearest case");
  if (!(coverage >= bars.coverage[0] && coverage <= bars.coverage[1]))
    missed.push(`coverage of ${name} is ${percent(coverage)}`);
}
for (const [from, to] of [
  [0, 0.4],
  [0.4, 0.6],
  [0.6, 0.75],
  [0.75, 0.85],
] as const) {
  const errors = judged
    .filter(({ run }) => run.label.utilization > from && run.label.utilization <= to)
    .flatMap(({ prediction, run }) => {
      return prediction.latencyMs === undefined ? [] : [Math.log(prediction.latencyMs.p99.value / run.label.p99)];
    });
  console.log(
    `  p99 at utilization ${from} to ${to}: ${percent(meanAbsolutePercentage(errors)).trim()} over ${errors.length}`,
  );
}
const extrapolated = judged.filter(({ prediction }) => prediction.isExtrapolated).length;
console.log(`  called extrapolated: ${extrapolated} of ${judged.length}`);

const independent = judged.filter(({ run }) => !holdsSlotsForCalls(run.architecture));
const saturationErrors = independent.map(({ run, prediction }) =>
  Math.log(prediction.maximumRatePerSecond / saturatingRatePerSecond(run.architecture)),
);
const worstSaturation = errorQuantile(saturationErrors, 1);
console.log(
  `  saturation against 1/Dmax: at most ${percent(worstSaturation).trim()} off, ${independent.length} without held slots`,
);
if (!(worstSaturation <= bars.saturation)) missed.push("saturation is off");
const above = judged.filter(
  ({ run, prediction }) => prediction.maximumRatePerSecond > 1.001 * saturatingRatePerSecond(run.architecture),
);
console.log(
  `  held slots: predicted to saturate later than 1/Dmax: ${above.length} of ${judged.length - independent.length}`,
);
console.log(missed.length === 0 ? "every bar is met" : `missed: ${missed.join("; ")}`);
process.exitCode = missed.length === 0 ? 0 : 1;

function freeze(): void {
  const cases = judged.slice(0, frozenCases).map(({ run: { index, architecture, label } }) => {
    return { index, ratePerSecond: architecture.workloads[0]?.ratePerSecond, label };
  });
  writeFileSync(new URL("frozen-cases.json", import.meta.url), `${JSON.stringify({ seed, cases })}\n`);
}

function figureOf(prediction: Prediction, name: PredictedName): PredictedFigure | undefined {
  return name === "utilization" ? prediction.utilization : prediction.latencyMs?.[name];
}
