/** One architecture, in several replications, beside what queueing theory says of it. */
import {
  type Analysis,
  analyze,
  type Cost,
  compileModel,
  costOf,
  type JudgedObjective,
  judgeObjectives,
  type Objective,
  type Prices,
  type Study,
} from "../src/index.ts";
import { type NamedArchitecture, replicationsOf, type StudyAnswer, type StudyHost, threadsOf } from "./answer.ts";
import { withShare } from "./progress.ts";
import { ReplicationPool } from "./replication-pool.ts";
import { runStudy, type StudyPlan } from "./run-study.ts";

export interface RunAnswer extends StudyAnswer {
  readonly study: Study;
  readonly theory: Analysis;
  /** In the order of the objectives. */
  readonly missed: readonly JudgedObjective[];
  /** Absent without prices. */
  readonly cost?: Cost;
}

export interface RunOptions {
  readonly prices?: Prices | undefined;
  readonly objectives: readonly Objective[];
}

/** Throws StudyError when a replication cannot be finished, ModelError when the architecture cannot be run. */
export async function askRun(
  { name: title, architecture }: NamedArchitecture,
  plan: StudyPlan,
  { prices, objectives }: RunOptions,
  host: StudyHost,
): Promise<RunAnswer> {
  const theory = analyze(compileModel(architecture, { load: plan.load }));
  const pool = new ReplicationPool(architecture, { size: threadsOf(host) });
  try {
    const { study, outcomes } = await runStudy(pool, plan, withShare(replicationsOf(plan), host.onProgress));
    const missed = judgeObjectives(objectives, outcomes);
    const cost = prices === undefined ? undefined : costOf(architecture, prices, study);
    const asked = { missed, ...(cost === undefined ? {} : { cost }) };
    return {
      study,
      theory,
      ...asked,
      result: { ...study, theory, ...(missed.length === 0 ? {} : { missed }), ...(cost === undefined ? {} : { cost }) },
      renderPage: async () => {
        const { renderStudyPage } = await import("../src/report/index.ts");
        return renderStudyPage(study, { title, architecture, theory, ...asked });
      },
    };
  } finally {
    await pool.end();
  }
}
