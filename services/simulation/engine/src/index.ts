export { type Analysis, analyze, type Figure } from "./analytic/network.ts";
export type * from "./architecture.ts";
export { checkLoad } from "./check-architecture.ts";
export { estimateEvents } from "./estimate-events.ts";
export type { Frame } from "./frame.ts";
export { compileModel } from "./model.ts";
export { ModelError, type ModelIssue } from "./model-error.ts";
export { type DetectedWarmup, detectWarmup } from "./replications/detect-warmup.ts";
export { makeStudy } from "./replications/make-study.ts";
export {
  type ReplicationOptions,
  type ReplicationOutcome,
  replicationSeed,
  runReplication,
} from "./replications/run-replication.ts";
export type { Estimate, Study } from "./replications/study.ts";
export type { Results } from "./results.ts";
export { assertSimulationOptions, Simulation } from "./simulation.ts";
export { meanInterval } from "./statistics/interval.ts";
export { decideReplications } from "./statistics/stopping.ts";
export { TooManyRequestsError } from "./visit-pool.ts";
