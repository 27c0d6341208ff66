import type { Component } from "../architecture.ts";
import type { Report } from "./calibration-report.ts";
import type { ServiceDemand } from "./demands.ts";
import { type Fit, fitDistribution } from "./fit-distribution.ts";
import { type ServiceTimes, separateServiceTimes } from "./service-times.ts";
import type { ComponentFacts } from "./topology.ts";

export interface CalibrationContext {
  readonly samplingRatio: number;
  readonly recordedMs: number;
  readonly report: Report;
}

const longestWorkMs = 600_000;
const mostSlots = 10_000;
const standInQueue = 1000;

/** The component of a model, with what is known about it and what is not in the report. */
export function componentOf(
  facts: ComponentFacts,
  demand: ServiceDemand | undefined,
  name: string,
  { samplingRatio, recordedMs, report }: CalibrationContext,
): Component {
  const { id, kind, visits } = facts;
  const isClient = kind === "client";
  const times = separateServiceTimes(visits, samplingRatio < 1);
  const fit = isClient ? undefined : fitDistribution(times.samplesMs);
  const demandMs = demand !== undefined && demand.unclear === undefined ? demand.meanMs : undefined;
  const isReplaced = times.queueing === "mixed" && demandMs !== undefined && demand?.source === "busy";
  const serviceTime = withMean(fit, isReplaced ? demandMs : undefined);
  const instances = Math.min(1000, facts.instances ?? 1);
  const concurrency = isClient ? 1 : slotsOf(facts, times, instances, { samplingRatio, recordedMs });
  if (!isClient) report.component(facts, { times, fit, serviceTime, concurrency, isReplaced, demand, samplingRatio });
  return {
    id,
    name: name.slice(0, 100),
    kind,
    instances,
    concurrency,
    serviceTime,
    queueCapacity: standInQueue,
    errorRatio: facts.errorRatio,
    hitRatio: facts.hitRatio,
    fanOut: facts.fanOut,
    image: "",
  };
}

function withMean(fit: Fit | undefined, replacedMs: number | undefined): Component["serviceTime"] {
  if (fit === undefined) return { kind: "constant", meanMs: replacedMs ?? 0, cv: 0 };
  const { distribution } = fit;
  const meanMs = Math.min(longestWorkMs, replacedMs ?? distribution.meanMs);
  const factor = distribution.meanMs > 0 ? meanMs / distribution.meanMs : 1;
  const cv = Math.min(100, distribution.cv);
  if (distribution.points === undefined) return { ...distribution, meanMs, cv };
  const points = distribution.points.map(({ upToMs, weight }) => ({ upToMs: upToMs * factor, weight }));
  return { ...distribution, meanMs, cv, points };
}

/**
 * Without a queue that shows it, the number of slots is only known to be no less than what ran at a time. In a sample that is the mean
 * by Little's law with four standard deviations of a Poisson number, which no more than that would exceed.
 */
function slotsOf(
  { visits }: ComponentFacts,
  { slots, mostAtOnce }: ServiceTimes,
  instances: number,
  { samplingRatio, recordedMs }: Omit<CalibrationContext, "report">,
): number {
  if (slots !== undefined) return slots;
  let busyMs = 0;
  for (const { startUs, endUs } of visits) busyMs += (endUs - startUs) / 1000;
  const mean = recordedMs > 0 ? busyMs / recordedMs / samplingRatio / instances : 1;
  const likely = samplingRatio < 1 ? Math.ceil(mean + 4 * Math.sqrt(mean)) : 0;
  return Math.min(mostSlots, Math.max(1, mostAtOnce, likely));
}
