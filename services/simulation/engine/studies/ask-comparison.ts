/** Two versions under the same seeds. */
import { type Comparison, compareVersions, type Objective, type Prices, type Study } from "../src/index.ts";
import { type NamedArchitecture, replicationsOf, type StudyAnswer, type StudyHost, threadsOf } from "./answer.ts";
import { withShare } from "./progress.ts";
import { ReplicationPool } from "./replication-pool.ts";
import { measure, type Report, type StudyPlan, type StudyRuns, settleWarmup } from "./run-study.ts";

type Pair<T> = readonly [T, T];

export interface ComparisonAnswer extends StudyAnswer {
  readonly comparison: Comparison;
  readonly before: Study;
  readonly after: Study;
}

/** Throws StudyError when a replication cannot be finished. */
export async function askComparison(
  [before, after]: Pair<NamedArchitecture>,
  plan: StudyPlan,
  options: { readonly prices?: Prices | undefined; readonly objectives: readonly Objective[] },
  host: StudyHost,
): Promise<ComparisonAnswer> {
  const pools = [before, after].map(
    ({ architecture }) => new ReplicationPool(architecture, { size: threadsOf(host) }),
  ) as unknown as Pair<ReplicationPool>;
  const report = withShare(2 * replicationsOf(plan), host.onProgress);
  try {
    const [first, second] = await runBoth(pools, plan, [naming(before, report), naming(after, report)]);
    const comparison = compareVersions({ ...before, ...first }, { ...after, ...second }, options);
    const studies = { before: first.study, after: second.study };
    return {
      comparison,
      ...studies,
      result: { ...comparison, studies },
      renderPage: async () => {
        const { renderComparisonPage } = await import("../src/report/index.ts");
        return renderComparisonPage(comparison, studies);
      },
    };
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
  }
}

/** One after the other, both with the longer of their warm-ups: pairs must be measured over the same time. */
async function runBoth(pools: Pair<ReplicationPool>, plan: StudyPlan, reports: Pair<Report>): Promise<Pair<StudyRuns>> {
  const settled = [
    await settleWarmup(pools[0], plan, reports[0]),
    await settleWarmup(pools[1], plan, reports[1]),
  ] as const;
  const warmupMs = Math.max(...settled.map((warmup) => warmup.warmupMs));
  const run = async (index: 0 | 1) =>
    await measure(pools[index], plan, { ...settled[index], warmupMs }, reports[index]);
  return [await run(0), await run(1)];
}

function naming({ name: subject }: NamedArchitecture, report: Report): Report {
  return (progress) => report({ ...progress, subject });
}
