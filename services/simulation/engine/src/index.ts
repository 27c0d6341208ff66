export { type Analysis, analyze, type Figure } from "./analytic/network.ts";
export type * from "./architecture.ts";
export { type Calibration, calibrate } from "./calibration/calibrate.ts";
export { compareMeasured, type FigureComparison } from "./calibration/compare-measured.ts";
export { type FittedValue, fitScalability, type ScalabilityFit } from "./calibration/fit-scalability.ts";
export { holdOut } from "./calibration/hold-out.ts";
export { CalibrationError } from "./calibration/json.ts";
export { compareMeasuredBuckets, type MeasuredBuckets } from "./calibration/measured-buckets.ts";
export { type Metrics, metricRoles, readPrometheus } from "./calibration/prometheus.ts";
export { readLoadTest } from "./calibration/read-load-test.ts";
export { readTraces } from "./calibration/read-traces.ts";
export { findingsOfScalability } from "./calibration/scalability-findings.ts";
export { SpanCollector } from "./calibration/spans.ts";
export type { Change, PlannedChange } from "./changes.ts";
export { type ChaosRecord, diffReports, type ReportChange, type ReportDifference } from "./chaos/diff-reports.ts";
export { type ChaosPlan, type ChaosReport, makeChaosReport } from "./chaos/experiment.ts";
export type { Fault } from "./chaos/fault.ts";
export { checkGameDay, type GameDay, planOfGameDay, readGameDay } from "./chaos/game-day.ts";
export { type Boundary, BoundarySearch, boundarySentence, endOf } from "./chaos/locate-boundary.ts";
export { checkFaults, planFaults } from "./chaos/plan-faults.ts";
export { type ChaosOutcome, type ChaosRunOptions, runChaosPair } from "./chaos/run-chaos.ts";
export { checkLoad } from "./check-architecture.ts";
export { checkChange } from "./check-change.ts";
export { estimateEvents } from "./estimate-events.ts";
export type { Frame } from "./frame.ts";
export { type JudgedVariant, judgeElasticity, type Objective as ElasticityObjective } from "./insight/elasticity.ts";
export {
  type ElasticityPrices,
  type ElasticityVariant,
  elasticityChanges,
  elasticityNames,
  planElasticity,
} from "./insight/elasticity-plan.ts";
export { explain, type Insight, limitSentence } from "./insight/explain.ts";
export { operationalLawsOf } from "./insight/operational-laws.ts";
export { judgeSaturation, type QueueSamples, sampleQueues } from "./insight/saturation.ts";
export { stabilityMargin } from "./insight/stability-margin.ts";
export { mergeTails, type TailStudy } from "./insight/tail-attribution.ts";
export { compileModel } from "./model.ts";
export { ModelError, type ModelIssue } from "./model-error.ts";
export { type PredictedFigure, type Prediction, predict } from "./prediction/predict.ts";
export { type DetectedWarmup, detectWarmup } from "./replications/detect-warmup.ts";
export { makeStudy } from "./replications/make-study.ts";
export {
  type ReplicationOptions,
  type ReplicationOutcome,
  replicationSeed,
  runReplication,
} from "./replications/run-replication.ts";
export type { Estimate, Study } from "./replications/study.ts";
export { groupAssumptions } from "./report/group-assumptions.ts";
export type { Span, SpanOutcome } from "./request-traces.ts";
export type { Results } from "./results.ts";
export { assertSimulationOptions, Simulation, type SimulationSnapshot } from "./simulation.ts";
export { restoreSimulation, SnapshotError } from "./snapshot.ts";
export { meanInterval } from "./statistics/interval.ts";
export { decideReplications } from "./statistics/stopping.ts";
export { TooManyRequestsError } from "./visit-pool.ts";
export { type CapacityAnswer, CapacitySearch } from "./what-if/capacity-search.ts";
export { capacitySentence } from "./what-if/capacity-sentence.ts";
export { type Comparison, compareVersions } from "./what-if/compare.ts";
export { type Cost, costOf, type Prices, readPrices } from "./what-if/cost.ts";
export { type JudgedObjective, judgeObjectives } from "./what-if/judge-objectives.ts";
export { type Objective, parseObjective } from "./what-if/objective.ts";
export { makeSweep, type Sweep } from "./what-if/sweep.ts";
export { parseSweep } from "./what-if/sweep-values.ts";
export { parseReplay, ReplayFileError, type ReplayTrace } from "./workloads/replay-file.ts";
