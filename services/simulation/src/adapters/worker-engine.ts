import { compileModel, estimateEvents, ModelError } from "@weft/simulator";
import { SimulationError } from "../domain/lifecycle/errors.ts";
import type { Engine } from "../domain/lifecycle/ports.ts";
import { refusedFields } from "../worker/model-refusal.ts";
import { type RunOptions, startRun } from "../worker/simulation-run.ts";
import { assertChanges } from "./check-changes.ts";

/**
 * The engine of this repository, each run in a worker thread of its own. A run is refused beforehand when its model is
 * unsound, or when it would take longer than anybody waits: at some millions of events a second, `maxEvents` is minutes.
 */
const maxEvents = 2e9;

export function workerEngine(options: Pick<RunOptions, "frameRateHz"> = {}): Engine {
  return {
    check: (architecture, { load, durationSeconds, changes = [] }) => {
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
        assertChanges(
          changes.map((planned, index) => ({ ...planned, path: `changes[${index}].change` })),
          { architecture, model, load, durationMs: durationSeconds * 1000, maxEvents },
        );
      } catch (error) {
        throw error instanceof ModelError ? refusal(error) : error;
      }
    },
    checkChange: (architecture, change, { load, durationSeconds }) => {
      const model = compileModel(architecture, { load });
      const durationMs = durationSeconds * 1000;
      assertChanges([{ atMs: 0, change, path: "change" }], { architecture, model, load, durationMs, maxEvents });
    },
    start: (run, { onFrame, onTraces, onChange, onEnd }) =>
      startRun({
        simulationId: run.id,
        architecture: run.architecture,
        load: run.load,
        seed: run.seed,
        durationSeconds: run.durationSeconds,
        speed: run.speed,
        changes: [...run.changes, ...run.liveChanges.map((one) => ({ ...one, atMs: one.atMs ?? 0 }))],
        ...options,
        onFrame,
        onTraces,
        onChange: (report) =>
          onChange(report.number, report.type === "applied" ? { atMs: report.atMs } : { refusal: report.reason }),
        onEnd,
      }),
  };
}

/** The issues of a model as refused fields of its project's architecture. */
function refusal(error: ModelError): SimulationError {
  const fields = refusedFields(error);
  const first = fields[0];
  return new SimulationError(
    "cannot_be_simulated",
    first === undefined ? error.message : `${first.field}: ${first.description}`,
    { fields, cause: error },
  );
}
