/**
 * What a study costs, before it begins, and what to lower when that is too much. The events are an estimate (a system that
 * collapses into retries has more), and so is the speed; only the order of magnitude matters here.
 */
import { type Architecture, compileModel, estimateEvents } from "../src/index.ts";
import { pilots, type StudyPlan } from "./run-study.ts";

/** Of one thread, on the low side: a full model does a few million. */
export const eventsPerSecond = 2e6;

export interface Affordable extends Pick<StudyPlan, "durationMs" | "warmupMs" | "load" | "replications"> {}

/** Events of one study, its pilots included. Throws ModelError when the architecture cannot be run. */
export function eventsOfStudy(architecture: Architecture, plan: Affordable): number {
  const runs = plan.replications + (plan.warmupMs === undefined ? Math.min(pilots, plan.replications) : 0);
  return estimateEvents(compileModel(architecture, { load: plan.load }), plan.durationMs) * runs;
}

/** How the one who is told calls the three that make a study long. */
export interface CostNames {
  readonly duration: string;
  readonly replications: string;
  readonly load: string;
}

/** "lower the duration to 60s, or the load to 0.2": each alone brings the study down to this share of its events. */
export function cheaperPlan(plan: Affordable, share: number, { duration, replications, load }: CostNames): string {
  const fewer = Math.floor(plan.replications * share);
  const ways = [
    ...(share > 0 ? [`${duration} to ${durationText(plan.durationMs * share)}`] : []),
    ...(fewer >= 2 ? [`${replications} to ${fewer}`] : []),
    ...(share > 0 ? [`${load} to ${twoDigits(plan.load * share)}`] : []),
  ];
  return ways.length === 0 ? `lower ${load} and ${duration}` : `lower ${ways.join(", or ")}`;
}

/** Whole units, rounded down. */
function durationText(ms: number): string {
  if (ms >= 120_000) return `${Math.floor(ms / 60_000)}m`;
  return ms >= 2000 ? `${Math.floor(ms / 1000)}s` : `${Math.max(1, Math.floor(ms))}ms`;
}

function twoDigits(value: number): string {
  return String(Number(value.toPrecision(2)));
}
