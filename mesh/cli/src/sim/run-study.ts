export {
  measure,
  replicate,
  runStudy,
  type StudyPlan,
  type StudyProgress,
  type StudyRuns,
  settleWarmup,
  type Warmup,
} from "@weft/simulator/studies";
