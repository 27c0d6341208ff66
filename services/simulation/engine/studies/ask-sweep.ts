/** One setting, or the load, at several values under the same seeds. */
import { type Architecture, makeSweep, type Objective, type Prices, type Sweep } from "../src/index.ts";
import { replicationsOf, type StudyAnswer, type StudyHost, threadsOf } from "./answer.ts";
import { applySetting } from "./apply-setting.ts";
import { withShare } from "./progress.ts";
import { ReplicationPool } from "./replication-pool.ts";
import { type Report, runStudy, type StudyPlan, type StudyRuns } from "./run-study.ts";
import { StudyError } from "./study-error.ts";

export interface SweptPoint {
  readonly value: string;
  readonly architecture: Architecture;
  readonly plan: StudyPlan;
}

export interface SweepAnswer extends StudyAnswer {
  readonly sweep: Sweep;
}

/**
 * What is run at each value. All are made before the first is run, so that a value that is not allowed is refused at once;
 * throws StudyError for one.
 */
export function sweptPoints(
  target: string,
  values: readonly string[],
  architecture: Architecture,
  plan: StudyPlan,
): SweptPoint[] {
  return values.map((value) => {
    if (target !== "load") return { value, architecture: applySetting(architecture, `${target}=${value}`), plan };
    const load = Number(value);
    if (value.trim() !== "" && load > 0 && load < Infinity) return { value, architecture, plan: { ...plan, load } };
    throw new StudyError(`load is "${value}"; it takes a number above 0`);
  });
}

/** Throws StudyError when a replication cannot be finished. */
export async function askSweep(
  {
    target,
    points,
    title,
  }: { readonly target: string; readonly points: readonly SweptPoint[]; readonly title: string },
  options: { readonly prices?: Prices | undefined; readonly objectives: readonly Objective[] },
  host: StudyHost,
): Promise<SweepAnswer> {
  const replications = points.reduce((sum, { plan }) => sum + replicationsOf(plan), 0);
  const report = withShare(replications, host.onProgress);
  const runs: (SweptPoint & StudyRuns)[] = [];
  for (const point of points) {
    const subject = `${target} ${point.value}`;
    runs.push(await runPoint(point, threadsOf(host), (progress) => report({ ...progress, subject })));
  }
  const sweep = makeSweep(target, runs, options);
  return {
    sweep,
    result: sweep,
    renderPage: async () => {
      const { renderSweepPage } = await import("../src/report/index.ts");
      return renderSweepPage(sweep, title);
    },
  };
}

async function runPoint(point: SweptPoint, threads: number, report: Report): Promise<SweptPoint & StudyRuns> {
  const pool = new ReplicationPool(point.architecture, { size: threads });
  try {
    return { ...point, ...(await runStudy(pool, point.plan, report)) };
  } finally {
    await pool.end();
  }
}
