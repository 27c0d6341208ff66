export type * from "./architecture.ts";
export { checkLoad } from "./check-architecture.ts";
export { estimateEvents } from "./estimate-events.ts";
export type { Frame } from "./frame.ts";
export { compileModel } from "./model.ts";
export { ModelError, type ModelIssue } from "./model-error.ts";
export type { Results } from "./results.ts";
export { assertSimulationOptions, Simulation } from "./simulation.ts";
export { TooManyRequestsError } from "./visit-pool.ts";
