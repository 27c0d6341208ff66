/** Settings of the simulation service, read once at start. */
export interface SimulationConfig {
  /** Simulations that one instance runs at once. */
  readonly maxRuns: number;
  /** How long a finished simulation, its results and its metrics are kept. */
  readonly retentionMs: number;
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
  return { maxRuns, retentionMs: parseDurationMs("SIMULATION_RETENTION", env.SIMULATION_RETENTION ?? "30d") };
}
