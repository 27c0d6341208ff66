import { compileModel, estimateEvents, ModelError } from "@weft/simulator";
import { SimulationError } from "../domain/lifecycle/errors.ts";
import type { Engine } from "../domain/lifecycle/ports.ts";
import { type RunOptions, startRun } from "../worker/simulation-run.ts";

/**
 * The engine of this repository, each run in a worker thread of its own. A run is refused beforehand when its model is
 * unsound, or when it would take longer than anybody waits: at some millions of events a second, `maxEvents` is minutes.
 */
const maxEvents = 2e9;

export function workerEngine(options: Pick<RunOptions, "frameRateHz"> = {}): Engine {
  return {
    check: (architecture, { load, durationSeconds }) => {
      try {
        const model = compileModel(architecture, { load });
        const events = estimateEvents(model, durationSeconds * 1000);
        if (events > maxEvents) {
          throw new SimulationError(
            "too_large",
            `the run would take about ${events.toExponential(1)} events; at most ${maxEvents.toExponential(0)} are allowed, so shorten it or lower the load`,
            {
              fields: [
                { field: "durationSeconds", description: `takes about ${events.toExponential(1)} events at this load` },
              ],
            },
          );
        }
      } catch (error) {
        throw error instanceof ModelError ? refusal(error) : error;
      }
    },
    start: (run, { onFrame, onEnd }) =>
      startRun({
        simulationId: run.id,
        architecture: run.architecture,
        load: run.load,
        seed: run.seed,
        durationSeconds: run.durationSeconds,
        speed: run.speed,
        ...options,
        onFrame,
        onEnd,
      }),
  };
}

/** The issues of a model as refused fields of its project's architecture. */
function refusal(error: ModelError): SimulationError {
  const fields = error.issues.map(({ component, link, field, message }) => ({
    field: `architecture.${component === undefined ? "" : `component ${component} `}${link === undefined ? "" : `link ${link} `}${field}`,
    description: message,
  }));
  const first = fields[0];
  return new SimulationError(
    "cannot_be_simulated",
    first === undefined ? error.message : `${first.field}: ${first.description}`,
    { fields, cause: error },
  );
}
