/** The largest load that meets objectives. */
import {
  type Architecture,
  analyze,
  type CapacityAnswer,
  CapacitySearch,
  capacitySentence,
  compileModel,
  type Objective,
} from "../src/index.ts";
import { type NamedArchitecture, type StudyAnswer, type StudyHost, threadsOf } from "./answer.ts";
import { ReplicationPool } from "./replication-pool.ts";
import { type Report, replicate, type StudyPlan, settleWarmup, type Warmup } from "./run-study.ts";
import { OverflowError } from "./study-error.ts";

/** Of what theory calls the highest load: near enough that few loads are tried, and low enough to be met as a rule. */
const startShare = 0.5;
/** Loads that a search tries, as a rule, and how many of them need more than the first replications. */
export const usualLoads = 8;
/** Nobody knows how many loads it will be; each takes a fifth of what is left. */
const shareOfALoad = 0.2;

export interface CapacityQuestion {
  readonly objectives: readonly Objective[];
  /** Where it begins is `plan.load`. */
  readonly highestLoad: number;
  /** How near the ends of the answer should be, as a share. */
  readonly relativePrecision: number;
  /** Asked before each load is run; throws when that would take too long. */
  readonly assertAffordable: (architecture: Architecture, plan: StudyPlan) => void;
}

export interface CapacityStudyAnswer extends StudyAnswer {
  readonly answer: CapacityAnswer;
  readonly sentence: string;
}

/** Half of what theory says the system bears, at most `highest`; 1 where theory knows no limit. */
export function likelyLoad(architecture: Architecture, highest: number): number {
  const { value } = analyze(compileModel(architecture, { load: 1 })).maximumLoad;
  return Math.min(highest, Number.isFinite(value) && value > 0 ? value * startShare : 1);
}

/** Throws RangeError that names the option when one makes no sense, StudyError when a replication cannot be finished. */
export async function askCapacity(
  { name: title, architecture }: NamedArchitecture,
  plan: StudyPlan,
  question: CapacityQuestion,
  host: StudyHost,
): Promise<CapacityStudyAnswer> {
  const { objectives, highestLoad, relativePrecision } = question;
  const maximumReplications = plan.replications;
  const options = { objectives, startLoad: plan.load, highestLoad, relativePrecision, maximumReplications };
  const capacity = new CapacitySearch(options);
  const pool = new ReplicationPool(architecture, { size: threadsOf(host) });
  try {
    const answer = await search(capacity, pool, host.onProgress, {
      plan,
      assertAffordable: (at) => question.assertAffordable(architecture, at),
    });
    const sentence = capacitySentence(answer, objectives.map(({ text }) => text).join(" and "));
    return {
      answer,
      sentence,
      result: { sentence, ...answer },
      renderPage: async () => {
        const { renderCapacityPage } = await import("../src/report/index.ts");
        return renderCapacityPage(answer, { title, sentence, objectives });
      },
    };
  } finally {
    await pool.end();
  }
}

interface Run {
  readonly plan: StudyPlan;
  readonly assertAffordable: (plan: StudyPlan) => void;
}

/** Runs what the search asks for until it knows. */
async function search(
  capacity: CapacitySearch,
  pool: ReplicationPool,
  report: Report,
  { plan, assertAffordable }: Run,
): Promise<CapacityAnswer> {
  let warmup: Warmup | undefined;
  let share = 0;
  for (let step = capacity.ask(); ; step = capacity.ask()) {
    if (step.kind === "done") return step.answer;
    const { load, done, more } = step;
    const at = { ...plan, load, replications: more };
    assertAffordable(at);
    const reportLoad: Report = (progress) => report({ ...progress, subject: `load ${load}`, share });
    try {
      if (done === 0 || warmup === undefined) warmup = await settleWarmup(pool, at, reportLoad);
      capacity.tell(await replicate(pool, at, warmup, { first: done, count: more }, reportLoad));
    } catch (error) {
      if (!(error instanceof OverflowError)) throw error;
      capacity.tell("overflow");
    }
    share += (1 - share) * shareOfALoad;
  }
}
