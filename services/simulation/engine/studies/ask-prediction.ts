/** What is likely, in milliseconds and without a simulation. */
import { compileModel, type Prediction, predict } from "../src/index.ts";
import type { NamedArchitecture } from "./answer.ts";

export interface PredictionAnswer {
  readonly result: Prediction;
}

/** Throws ModelError when the architecture cannot be run. */
export function askPrediction({ architecture }: NamedArchitecture, load: number): PredictionAnswer {
  return { result: predict(compileModel(architecture, { load })) };
}
