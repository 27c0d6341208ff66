import { mostFramesPerSecond } from "./worker/frame-rate.ts";

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
  return {
    maxRuns,
    retentionMs: parseDurationMs("SIMULATION_RETENTION", env.SIMULATION_RETENTION ?? "30d"),
    keptPerProject,
    frameRateHz,
  };
}
