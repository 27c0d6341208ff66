/** Studies on the threads of a machine, for Node: what the command line and the simulation service both ask. */
export type { NamedArchitecture, StudyAnswer, StudyHost } from "./answer.ts";
export { applySetting } from "./apply-setting.ts";
export { askCapacity, type CapacityStudyAnswer, likelyLoad, usualLoads } from "./ask-capacity.ts";
export { askBoundary, askChaos, type BoundaryAnswer, type ChaosAnswer } from "./ask-chaos.ts";
export { askComparison, type ComparisonAnswer } from "./ask-comparison.ts";
export { askExplanation, type ExplanationAnswer, explainedVariants } from "./ask-explanation.ts";
export { askPrediction, type PredictionAnswer } from "./ask-prediction.ts";
export { askRun, type RunAnswer } from "./ask-run.ts";
export { askSweep, type SweepAnswer, type SweptPoint, sweptPoints } from "./ask-sweep.ts";
export { progressSentence } from "./progress.ts";
export { defaultPoolSize, ReplicationPool } from "./replication-pool.ts";
export {
  measure,
  type Report,
  replicate,
  runStudy,
  type StudyPlan,
  type StudyProgress,
  type StudyRuns,
  settleWarmup,
  type Warmup,
} from "./run-study.ts";
export { type Affordable, cheaperPlan, eventsOfStudy, eventsPerSecond } from "./study-cost.ts";
export { studyDefaults } from "./study-defaults.ts";
export { OverflowError, StudyError } from "./study-error.ts";
