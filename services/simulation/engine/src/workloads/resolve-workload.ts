import type { Workload } from "../architecture.ts";

/** A workload with the default of every field that is absent. */
export type ResolvedWorkload = Required<Omit<Workload, "component">>;

/** The defaults that `Workload` documents. A ramp and a replay are refused without their own field, so theirs is no load. */
const defaults = {
  burstFactor: 5,
  burstMs: 1000,
  burstShare: 0.1,
  amplitude: 0.5,
  periodMs: 86_400_000,
  toRatePerSecond: 0,
  startMs: 0,
  lengthMs: 60_000,
  spikeFactor: 3,
  batchSize: 10,
  arrivalsMs: [],
  priority: 0,
  deadlineMs: 0,
  writeShare: 0,
  workFactor: 1,
  sessions: 10_000,
  sessionSkew: 0,
} satisfies Partial<Workload>;

/** Fills in what is absent; a field that is there and undefined counts as absent. */
export function resolveWorkload(workload: Omit<Workload, "component">): ResolvedWorkload {
  const { id, kind, ratePerSecond, users, thinkTimeMs } = workload;
  return {
    id,
    kind,
    ratePerSecond,
    users,
    thinkTimeMs,
    burstFactor: workload.burstFactor ?? defaults.burstFactor,
    burstMs: workload.burstMs ?? defaults.burstMs,
    burstShare: workload.burstShare ?? defaults.burstShare,
    amplitude: workload.amplitude ?? defaults.amplitude,
    periodMs: workload.periodMs ?? defaults.periodMs,
    toRatePerSecond: workload.toRatePerSecond ?? defaults.toRatePerSecond,
    startMs: workload.startMs ?? defaults.startMs,
    lengthMs: workload.lengthMs ?? defaults.lengthMs,
    spikeFactor: workload.spikeFactor ?? defaults.spikeFactor,
    batchSize: workload.batchSize ?? defaults.batchSize,
    arrivalsMs: workload.arrivalsMs ?? defaults.arrivalsMs,
    priority: workload.priority ?? defaults.priority,
    deadlineMs: workload.deadlineMs ?? defaults.deadlineMs,
    writeShare: workload.writeShare ?? defaults.writeShare,
    workFactor: workload.workFactor ?? defaults.workFactor,
    sessions: workload.sessions ?? defaults.sessions,
    sessionSkew: workload.sessionSkew ?? defaults.sessionSkew,
  };
}
