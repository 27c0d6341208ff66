/** One architecture, in several replications, beside what queueing theory says of it. */
import { type Analysis, analyze, compileModel, type Study } from "../src/index.ts";
import { type NamedArchitecture, replicationsOf, type StudyAnswer, type StudyHost, threadsOf } from "./answer.ts";
import { withShare } from "./progress.ts";
import { ReplicationPool } from "./replication-pool.ts";
import { runStudy, type StudyPlan } from "./run-study.ts";

export interface RunAnswer extends StudyAnswer {
  readonly study: Study;
  readonly theory: Analysis;
}

/** Throws StudyError when a replication cannot be finished, ModelError when the architecture cannot be run. */
export async function askRun(
  { name: title, architecture }: NamedArchitecture,
  plan: StudyPlan,
  host: StudyHost,
): Promise<RunAnswer> {
  const theory = analyze(compileModel(architecture, { load: plan.load }));
  const pool = new ReplicationPool(architecture, { size: threadsOf(host) });
  try {
    const { study } = await runStudy(pool, plan, withShare(replicationsOf(plan), host.onProgress));
    return {
      study,
      theory,
      result: { ...study, theory },
      renderPage: async () => {
        const { renderStudyPage } = await import("../src/report/index.ts");
        return renderStudyPage(study, { title, architecture, theory });
      },
    };
  } finally {
    await pool.end();
  }
}
