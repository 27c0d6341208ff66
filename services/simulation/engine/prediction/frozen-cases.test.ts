import { describe, expect, test } from "vitest";
import { predictedFigures } from "../src/prediction/emulator.ts";
import { predict } from "../src/prediction/predict.ts";
import { topologyAtRate } from "../src/prediction/random-topology.ts";
import { expectMean, replicate } from "../src/replications.ts";
import recorded from "./frozen-cases.json" with { type: "json" };
import { meanAbsolutePercentage } from "./scores.ts";

/** The first topologies of the hold-out, with what the engine showed for them; the emulator has not seen them. */
const cases = recorded.cases.map(({ index, ratePerSecond, label }) => {
  const architecture = topologyAtRate(recorded.seed, index, ratePerSecond);
  return { index, label, architecture, prediction: predict(architecture) };
});

describe("predictions of topologies that were held out", () => {
  test("are within the bar for p99", () => {
    const errors = cases.map(({ prediction, label }) => Math.log((prediction.latencyMs?.p99.value ?? 0) / label.p99));
    expect(meanAbsolutePercentage(errors)).toBeLessThan(0.1);
  });

  test("have intervals that hold nearly all the answers and are not endless", () => {
    const figures = cases.flatMap(({ prediction: { latencyMs, utilization }, label }) =>
      predictedFigures.map((name) => ({
        actual: label[name],
        figure: name === "utilization" ? utilization : latencyMs?.[name],
      })),
    );
    const covered = figures.filter(({ actual, figure }) => figure && actual >= figure.low && actual <= figure.high);
    expect(covered.length / figures.length).toBeGreaterThan(0.75);
    for (const { figure } of figures) expect((figure?.high ?? 0) / (figure?.low ?? 0)).toBeLessThan(4);
  });

  test("are of the kind it was trained on", () => {
    expect(cases.filter(({ prediction }) => prediction.isExtrapolated).length).toBeLessThanOrEqual(2);
  });
});

describe("what is on record", () => {
  test("is what the engine shows", () => {
    const [smallest] = cases.toSorted((one, other) => {
      return one.architecture.components.length - other.architecture.components.length;
    });
    const { architecture, label } = smallest as (typeof cases)[number];
    const ratePerSecond = architecture.workloads[0]?.ratePerSecond ?? 0;
    const length = { requests: 10_000, ratePerSecond, warmupSeconds: 1000 / ratePerSecond };
    const runs = replicate(architecture, length);
    // The label is itself a measurement, and good to about 3 %.
    expectMean(runs, ({ latency }) => latency.meanMs, label.mean, { precision: 0.01, bias: 0.03 });
    expectMean(runs, ({ latency }) => latency.p99Ms, label.p99, { precision: 0.02, bias: 0.05 });
  });
});
