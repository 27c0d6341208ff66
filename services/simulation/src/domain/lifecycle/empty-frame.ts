import type { Frame } from "@weft/simulator";
import type { Simulation } from "./ports.ts";

/** What is shown of a run that has shown nothing: its status is the news, and a viewer must not wait for it in vain. */
export function emptyFrame(simulation: Simulation): Frame {
  const rates = { requestsPerSecond: 0, failuresPerSecond: 0, goodputPerSecond: 0, goodputRatio: 0 };
  return {
    sequence: 1,
    simulatedMs: simulation.simulatedSeconds * 1000,
    durationMs: simulation.durationSeconds * 1000,
    speed: 0,
    load: simulation.load,
    total: { ...rates, p50Ms: 0, p95Ms: 0, p99Ms: 0, inFlight: 0, completed: 0, failed: 0 },
    components: [],
    bottleneck: "",
  };
}
