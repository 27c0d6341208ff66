/** What becomes of a system that is broken on purpose, and the load from which on it does not come back. */
import {
  type Architecture,
  type Boundary,
  BoundarySearch,
  boundarySentence,
  type ChaosOutcome,
  type ChaosRecord,
  type ChaosRunOptions,
  endOf,
  type GameDay,
  makeChaosReport,
  planOfGameDay,
  replicationSeed,
} from "../src/index.ts";
import { type NamedArchitecture, type StudyAnswer, type StudyHost, threadsOf } from "./answer.ts";
import { ReplicationPool } from "./replication-pool.ts";
import type { StudyPlan } from "./run-study.ts";

export interface ChaosAnswer extends StudyAnswer {
  readonly record: ChaosRecord;
}

export interface BoundaryAnswer extends StudyAnswer {
  readonly boundary: Boundary;
  readonly sentence: string;
}

export interface BoundaryQuestion {
  /** The probability of staying down that is crossed at the boundary. */
  readonly level: number;
  /** How near the ends of the answer should be, as a share. */
  readonly relativePrecision: number;
  /** Asked before each load is run; throws when that would take too long. */
  readonly assertAffordable: (architecture: Architecture, plan: StudyPlan) => void;
}

const mostReplicationsPerLoad = 80;
/** Nobody knows how many loads it will be; each takes a fifth of what is left. */
const shareOfALoad = 0.2;

type ChaosPool = ReplicationPool<ChaosRunOptions, ChaosOutcome>;

/** Of a game day that was checked (`checkGameDay`). Throws StudyError when a replication cannot be finished. */
export async function askChaos(
  { name: title, architecture }: NamedArchitecture,
  gameDay: GameDay,
  host: StudyHost,
): Promise<ChaosAnswer> {
  const plan = planOfGameDay(gameDay);
  const { replications, hypotheses: _, ...options } = plan;
  const report = (done: number) =>
    host.onProgress({ phase: "replications", done, of: replications, share: done / replications, p99Ms: undefined });
  const pool = chaosPool(architecture, host);
  try {
    const outcomes = await runAll(pool, options, { first: 0, count: replications }, report);
    const record: ChaosRecord = { gameDay, ...makeChaosReport(outcomes, plan) };
    return {
      record,
      result: record,
      renderPage: async () => {
        const { renderChaosPage } = await import("../src/report/index.ts");
        const { description } = gameDay;
        return renderChaosPage(record, { title, ...(description === undefined ? {} : { description }) });
      },
    };
  } finally {
    await pool.end();
  }
}

/** Runs the game day at one load after the other. Throws as `askChaos`, and RangeError for a question that makes no sense. */
export async function askBoundary(
  { name: title, architecture }: NamedArchitecture,
  gameDay: GameDay,
  { level, relativePrecision, assertAffordable }: BoundaryQuestion,
  host: StudyHost,
): Promise<BoundaryAnswer> {
  const { hypotheses: _, replications: __, ...plan } = planOfGameDay(gameDay);
  const maximumReplications = mostReplicationsPerLoad;
  const search = new BoundarySearch({ level, relativePrecision, startLoad: plan.load, maximumReplications });
  const pool = chaosPool(architecture, host);
  let share = 0;
  try {
    for (let step = search.ask(); ; step = search.ask()) {
      if (step.kind === "done") return boundaryAnswer(step.answer, title, gameDay);
      const { load, done, more } = step;
      assertAffordable(architecture, { ...plan, load, replications: more, precision: undefined });
      const report = (ended: number) => {
        const progress = { subject: `load ${load}`, share, done: done + ended, of: done + more };
        host.onProgress({ ...progress, phase: "replications", p99Ms: undefined });
      };
      const outcomes = await runAll(pool, { ...plan, load }, { first: done, count: more }, report);
      search.tell(outcomes.map(({ disturbed, undisturbed }) => endOf(disturbed, () => undisturbed)));
      share += (1 - share) * shareOfALoad;
    }
  } finally {
    await pool.end();
  }
}

function boundaryAnswer(boundary: Boundary, title: string, gameDay: GameDay): BoundaryAnswer {
  const sentence = boundarySentence(boundary);
  return {
    boundary,
    sentence,
    result: { sentence, gameDay, ...boundary },
    renderPage: async () => {
      const { renderBoundaryPage } = await import("../src/report/index.ts");
      return renderBoundaryPage(boundary, { title, sentence });
    },
  };
}

function chaosPool(architecture: Architecture, host: StudyHost): ChaosPool {
  const program = new URL("./chaos-main.ts", import.meta.url);
  return new ReplicationPool<ChaosRunOptions, ChaosOutcome>(architecture, { size: threadsOf(host), program });
}

/** In the order of their seeds. */
async function runAll(
  pool: ChaosPool,
  options: ChaosRunOptions,
  { first, count }: { first: number; count: number },
  report: (done: number) => void,
): Promise<ChaosOutcome[]> {
  let done = 0;
  report(0);
  const runs = Array.from({ length: count }, async (_, index) => {
    const outcome = await pool.run({ ...options, seed: replicationSeed(options.seed, first + index) });
    report(++done);
    return outcome;
  });
  return await Promise.all(runs);
}
