import { availableParallelism } from "node:os";
import { mostFramesPerSecond } from "./worker/frame-rate.ts";

/** Beside these threads there are those of simulations and the one that serves. */
const processorsForStudies = Math.max(1, availableParallelism() - 1);

/** Settings of the simulation service, read once at start. */
export interface SimulationConfig {
  /** Simulations that one instance runs at once. */
  readonly maxRuns: number;
  /** How long a finished simulation, its results and its metrics are kept. */
  readonly retentionMs: number;
  /** Of a project's finished simulations, the newest so many are kept. */
  readonly keptPerProject: number;
  /** Frames that a run shows per wall second at most. */
  readonly frameRateHz: number;
  /** Studies that one instance answers at once; they share its threads. */
  readonly maxStudies: number;
  /** Threads on which the replications of one study run. */
  readonly threadsPerStudy: number;
}

/** Reads the environment; throws, naming the variable and what it takes. */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>>,
  parseDurationMs: (name: string, text: string) => number,
): SimulationConfig {
  const maxRuns = Number(env.SIMULATION_MAX_RUNS ?? "4");
  if (!Number.isInteger(maxRuns) || maxRuns < 1 || maxRuns > 64) {
    throw new Error(`SIMULATION_MAX_RUNS is "${env.SIMULATION_MAX_RUNS}"; it takes a whole number from 1 to 64`);
  }
  const frameRateHz = Number(env.SIMULATION_FRAME_RATE ?? mostFramesPerSecond);
  if (!(frameRateHz > 0 && frameRateHz <= mostFramesPerSecond)) {
    const given = env.SIMULATION_FRAME_RATE;
    throw new Error(
      `SIMULATION_FRAME_RATE is "${given}"; it takes a number above 0 and at most ${mostFramesPerSecond}`,
    );
  }
  const keptPerProject = Number(env.SIMULATION_KEPT_PER_PROJECT ?? "500");
  if (!Number.isInteger(keptPerProject) || keptPerProject < 1) {
    throw new Error(
      `SIMULATION_KEPT_PER_PROJECT is "${env.SIMULATION_KEPT_PER_PROJECT}"; it takes a whole number from 1`,
    );
  }
  const studyThreads = Number(env.SIMULATION_STUDY_THREADS ?? processorsForStudies);
  if (!Number.isInteger(studyThreads) || studyThreads < 1 || studyThreads > 256) {
    throw new Error(
      `SIMULATION_STUDY_THREADS is "${env.SIMULATION_STUDY_THREADS}"; it takes a whole number from 1 to 256`,
    );
  }
  const maxStudies = Math.min(2, studyThreads);
  return {
    maxRuns,
    retentionMs: parseDurationMs("SIMULATION_RETENTION", env.SIMULATION_RETENTION ?? "30d"),
    keptPerProject,
    frameRateHz,
    maxStudies,
    threadsPerStudy: Math.floor(studyThreads / maxStudies),
  };
}
