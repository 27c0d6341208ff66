/**
 * What is wrong with a workload's numbers. Only the fields that its kind reads are checked: what another kind left behind
 * does no harm. Bounds beyond which a shape means nothing: a week is the longest run, a year the longest period or record.
 */
import type { Workload, WorkloadKind } from "../architecture.ts";
import { resolveWorkload } from "./resolve-workload.ts";

/** `field` as in a model's issue; the message names the workload too. */
interface WorkloadIssue {
  readonly field: string;
  readonly message: string;
}

interface Range {
  readonly minimum: number;
  readonly maximum: number;
  readonly isWhole?: boolean;
}

const weekMs = 604_800_000;
const yearMs = 31_536_000_000;
const maximumArrivals = 1_000_000;

const ranges = {
  ratePerSecond: { minimum: 0, maximum: 1_000_000 },
  users: { minimum: 1, maximum: 100_000, isWhole: true },
  thinkTimeMs: { minimum: 0, maximum: 3_600_000 },
  burstFactor: { minimum: 1, maximum: 1000 },
  burstMs: { minimum: 1, maximum: 86_400_000 },
  burstShare: { minimum: 0.0001, maximum: 0.9999 },
  amplitude: { minimum: 0, maximum: 1 },
  periodMs: { minimum: 1, maximum: yearMs },
  toRatePerSecond: { minimum: 0, maximum: 1_000_000 },
  startMs: { minimum: 0, maximum: weekMs },
  lengthMs: { minimum: 1, maximum: weekMs },
  spikeFactor: { minimum: 0, maximum: 1000 },
  batchSize: { minimum: 1, maximum: 10_000, isWhole: true },
} satisfies Partial<Record<keyof Workload, Range>>;

type NumberField = keyof typeof ranges;

const fieldsOf: Record<WorkloadKind, readonly NumberField[]> = {
  poisson: ["ratePerSecond"],
  constant: ["ratePerSecond"],
  closed: ["users", "thinkTimeMs"],
  bursty: ["ratePerSecond", "burstFactor", "burstMs", "burstShare"],
  diurnal: ["ratePerSecond", "amplitude", "periodMs"],
  ramp: ["ratePerSecond", "toRatePerSecond", "startMs", "lengthMs"],
  spike: ["ratePerSecond", "startMs", "lengthMs", "spikeFactor"],
  batch: ["ratePerSecond", "batchSize"],
  replay: [],
};

/** A field of these may be absent; of all others it is the default that `Workload` documents. */
const required: readonly NumberField[] = ["ratePerSecond", "users", "thinkTimeMs", "toRatePerSecond"];
/** 3 × a third must pass as 1. */
const rounding = 1e-9;

/** Everything that is wrong, empty when nothing is. */
export function workloadIssues(workload: Workload): WorkloadIssue[] {
  const { id, kind } = workload;
  const issues: WorkloadIssue[] = [];
  const add = (field: string, problem: string) =>
    issues.push({ field, message: `workload "${id}": ${field} ${problem}` });
  const fields: readonly NumberField[] | undefined = Object.hasOwn(fieldsOf, kind) ? fieldsOf[kind] : undefined;
  if (fields === undefined) {
    add("kind", `is "${kind}"; allowed are ${Object.keys(fieldsOf).join(", ")}`);
    return issues;
  }
  for (const field of fields) {
    const value = workload[field];
    if (value === undefined && !required.includes(field)) continue;
    const { minimum, maximum, isWhole = false }: Range = ranges[field];
    if (value !== undefined && value >= minimum && value <= maximum && (!isWhole || Number.isInteger(value))) continue;
    const allowed = isWhole ? `are whole numbers from ${minimum} to ${maximum}` : `is ${minimum} to ${maximum}`;
    add(field, `is ${value}; allowed ${allowed}`);
  }
  const { burstFactor, burstShare } = resolveWorkload(workload);
  if (kind === "bursty" && issues.length === 0 && burstFactor * burstShare > 1 + rounding) {
    const allowed = 1 / burstFactor;
    add("burstShare", `is ${burstShare}; allowed is at most 1 ÷ burstFactor (${burstFactor}), which is ${allowed}`);
  }
  if (kind === "replay") {
    const problem = arrivalsProblem(workload.arrivalsMs ?? []);
    if (problem !== undefined) add("arrivalsMs", problem);
  }
  return issues;
}

function arrivalsProblem(arrivalsMs: readonly number[]): string | undefined {
  if (arrivalsMs.length < 1 || arrivalsMs.length > maximumArrivals) {
    return `has ${arrivalsMs.length} arrivals; allowed are 1 to ${maximumArrivals}`;
  }
  let before = 0;
  for (let index = 0; index < arrivalsMs.length; index++) {
    const arrivalMs = arrivalsMs[index] as number;
    if (!(arrivalMs >= 0 && arrivalMs <= yearMs)) return `is ${arrivalMs} at ${index}; allowed is 0 to ${yearMs}`;
    if (arrivalMs < before) {
      return `is ${arrivalMs} at ${index}; allowed is no less than the one before it, which is ${before}`;
    }
    before = arrivalMs;
  }
  return undefined;
}
