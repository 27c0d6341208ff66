/**
 * The answer in one sentence with its numbers: does the system hold this load, how fast does it answer, what is refused,
 * and what limits.
 *
 * "Does not hold" needs a queue that grows or a load above what a component can bear; "at its limit" is a full component
 * that keeps up by shedding or because its callers wait; more than 5 % of bad or late answers are named before anything
 * else that is good. A component that is merely nearest to its limit does not change the verdict.
 */
import type { BottleneckFinding, Study } from "../replications/study.ts";
import { formatEstimate, formatQuantity } from "./format.ts";

type Verdict = "holds" | "full" | "failing" | "overloaded" | "empty";

export interface Headline {
  readonly verdict: Verdict;
  /** The verdict in two or three words. */
  readonly label: string;
  /** Plain text, not escaped. */
  readonly sentence: string;
}

const notableErrorRatio = 0.05;
/** A closed system fills a component without asking too much of it; the same 1 % as for shed requests. */
const clearlyBelowOne = 0.99;

const labels = {
  holds: "Holds",
  full: "At its limit",
  failing: "Requests fail",
  overloaded: "Does not hold",
  empty: "No answers",
} as const satisfies Record<Verdict, string>;

export function headlineOf(study: Study): Headline {
  const verdict = verdictOf(study);
  return { verdict, label: labels[verdict], sentence: sentenceOf(study, verdict) };
}

function verdictOf({ throughputPerSecond, goodputRatio, errorRatio, bottlenecks }: Study): Verdict {
  if (!(throughputPerSecond.value > 0)) return "empty";
  if (bottlenecks.some(({ reason }) => reason === "growing-queue")) return "overloaded";
  const [limit] = bottlenecks;
  const isFull = limit?.reason === "saturated";
  if (isFull && limit.headroom < clearlyBelowOne) return "overloaded";
  if (Math.max(errorRatio.value, 1 - goodputRatio.value) > notableErrorRatio) return "failing";
  return isFull ? "full" : "holds";
}

function sentenceOf(study: Study, verdict: Verdict): string {
  const { throughputPerSecond, goodputPerSecond, latency, replications } = study;
  if (verdict === "empty") return `No request was answered well in the measured time${limitOf(study)}.`;
  const late = throughputPerSecond.value - goodputPerSecond.value;
  const inTime = late > 0 ? " in time" : "";
  const rate = formatQuantity(goodputPerSecond.value, "perSecond").replace("/s", ` requests/s${inTime}`);
  const opening = {
    holds: `Holds ${rate}:`,
    full: `At its limit with ${rate}:`,
    failing: `Answers well: ${rate},`,
    overloaded: `Does not hold: ${rate} answered well,`,
  }[verdict];
  const p99 = formatEstimate(latency.p99Ms, "ms", replications) + (replications > 1 ? "" : " (single run)");
  const tooLate = late > 0 ? `, ${formatQuantity(late, "perSecond")} too late` : "";
  return `${opening} p99 ${p99}${tooLate}, ${refusedOf(study)}${limitOf(study)}.`;
}

function refusedOf({ components, errorRatio, replications }: Study): string {
  const shed = components.reduce((sum, { shedPerSecond }) => sum + shedPerSecond.value, 0);
  const failing = errorRatio.value > 0 ? `${formatEstimate(errorRatio, "share", replications)} of requests fail` : "";
  const shedding = shed > 0 ? `${formatQuantity(shed, "perSecond")} are shed` : "nothing is shed";
  return failing === "" ? shedding : `${failing}, ${shedding}`;
}

/**
 * What ends the growth of the load: a limit that was hit, its cause first; when none was hit, the component that bears the
 * least more, which need not be the one where requests wait most today.
 */
export function firstLimit(bottlenecks: Study["bottlenecks"]): BottleneckFinding | undefined {
  return bottlenecks.reduce<BottleneckFinding | undefined>(
    (first, finding) => (first === undefined || (!isHit(first) && finding.headroom < first.headroom) ? finding : first),
    undefined,
  );
}

/** Whether the limit was reached in the run, and not only comes nearest to it. */
export function isHit({ reason }: BottleneckFinding): boolean {
  return reason !== "highest-demand";
}

function limitOf({ bottlenecks, components }: Study): string {
  const limit = firstLimit(bottlenecks);
  if (limit === undefined) return "";
  const name = nameOfLimit(limit, components);
  return Number.isFinite(limit.headroom) && limit.headroom > 0
    ? `; ${name} limits at ${formatQuantity(limit.headroom, "count")} times this load`
    : `; ${name} limits`;
}

export function nameOfLimit({ component }: BottleneckFinding, components: Study["components"]): string {
  return components.find(({ id }) => id === component)?.name ?? component;
}
