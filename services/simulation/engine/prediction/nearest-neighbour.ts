/** The simplest alternative to a model: what the most similar training case differed from theory by. */
import type { PredictedName } from "../src/prediction/emulator.ts";
import { predictedFigures } from "../src/prediction/emulator.ts";
import { standardised } from "./ridge.ts";
import cases from "./training-cases.json" with { type: "json" };

/** Asked with features, it answers ln(simulated ÷ theory) of the nearest case, on standardised features. */
export function nearestNeighbour(): (features: ArrayLike<number>) => Record<PredictedName, number> {
  const rows = cases.map(({ features }) => features);
  const length = rows[0]?.length ?? 0;
  const means = Array.from(
    { length },
    (_, at) => rows.reduce((sum, row) => sum + (row[at] as number), 0) / rows.length,
  );
  const deviations = means.map((mean, at) => {
    return Math.sqrt(rows.reduce((sum, row) => sum + ((row[at] as number) - mean) ** 2, 0) / rows.length) || 1;
  });
  const scales = { centre: means, scale: deviations };
  const points = rows.map((row) => standardised(scales, row));
  return (features) => {
    const here = standardised(scales, features);
    let nearest = Infinity;
    let found = 0;
    for (const [index, point] of points.entries()) {
      const distance = point.reduce((sum, value, at) => sum + (value - (here[at] as number)) ** 2, 0);
      if (distance >= nearest) continue;
      nearest = distance;
      found = index;
    }
    return Object.fromEntries(predictedFigures.map((name, at) => [name, cases[found]?.residual[at]])) as Record<
      PredictedName,
      number
    >;
  };
}
