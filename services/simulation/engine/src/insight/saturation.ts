/**
 * Saturated, or only busy? A component at 95 % with a steady queue does its work; one whose queue grows, that sheds, or that
 * has no slot left to give, does not.
 *
 * The queue of every component is sampled in evenly spaced slices (`sampleQueues`, one run; reading changes nothing in it, so
 * it may be a replication that is measured anyway), averaged over the runs, and put to the growth test
 * (statistics/growth.ts). A queue counts as growing only where the slots are nearly always held as well: one that grows
 * behind free slots is a burst that has not drained yet. Cores that are shared count like slots, the busier of the two:
 * what they cannot do piles up in the slots.
 */
import type { Architecture } from "../architecture.ts";
import { compileModel, type Model, type ModelComponent } from "../model.ts";
import type { Results } from "../results.ts";
import { Simulation } from "../simulation.ts";
import { assessGrowth, type Growth } from "../statistics/growth.ts";
import { coresOf, number, percent, range, slotsOf } from "./wording.ts";

const nearlyAlwaysHeld = 0.9;
const nothingToGive = 0.99;
const busyFrom = 0.7;
const notableShedRatio = 0.01;
const defaultSamples = 200;

export interface QueueSamples {
  /** By component: mean number waiting in each slice after the warm-up. */
  readonly lengths: readonly (readonly number[])[];
}

export interface QueueSamplingOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly load: number;
  /** 200 by default, at least 5 for a verdict. */
  readonly samples?: number;
}

export interface ComponentSaturation {
  readonly component: string;
  readonly name: string;
  readonly state: "saturated" | "busy" | "free";
  /** Of the slots, or of the shared cores where these are busier. */
  readonly utilization: number;
  readonly shedRatio: number;
  readonly growth: Growth;
  readonly message: string;
}

export interface Saturation {
  /** All but the clients, in the order of the model. */
  readonly components: readonly ComponentSaturation[];
  /** Ids of those that are saturated, callees before callers: the cause comes first. */
  readonly saturated: readonly string[];
}

/** One run. Throws what `runReplication` throws. */
export function sampleQueues(architecture: Architecture, options: QueueSamplingOptions): QueueSamples {
  const { seed, durationMs, warmupMs, load, samples = defaultSamples } = options;
  const model = compileModel(architecture, { load });
  const simulation = new Simulation(model, { seed, durationMs, warmupMs });
  const lengths = model.components.map((): number[] => []);
  simulation.runUntil(warmupMs);
  simulation.frame();
  for (let slice = 1; slice <= samples; slice++) {
    simulation.runUntil(slice === samples ? durationMs : warmupMs + ((durationMs - warmupMs) * slice) / samples);
    for (const [index, { queueLength }] of simulation.frame().components.entries()) lengths[index]?.push(queueLength);
  }
  return { lengths };
}

/** `runs` and `queues` are of this model, at least one of each, all samples of equal number; else RangeError. Pure. */
export function judgeSaturation(model: Model, runs: readonly Results[], queues: readonly QueueSamples[]): Saturation {
  if (runs.length === 0) throw new RangeError("runs: none given; at least one is needed");
  if (queues.length === 0) throw new RangeError("queues: none given; at least one is needed");
  const components = model.components
    .filter(({ isClient }) => !isClient)
    .map((component) => judgeComponent(component, runs, queues));
  const saturated = new Set(components.filter(({ state }) => state === "saturated").map((one) => one.component));
  const calleesFirst = [...model.callOrder].reverse().map((index) => model.components[index]?.id ?? "");
  return { components, saturated: calleesFirst.filter((id) => saturated.has(id)) };
}

function judgeComponent(
  component: ModelComponent,
  runs: readonly Results[],
  queues: readonly QueueSamples[],
): ComponentSaturation {
  const { id, name, index } = component;
  const own = runs.map(({ components }) => components[index] as Results["components"][number]);
  const slotUse = own.reduce((sum, run) => sum + run.utilization, 0) / own.length;
  const coreUse = own.reduce((sum, run) => sum + run.coreUtilization, 0) / own.length;
  const utilization = Math.max(slotUse, coreUse);
  const arrivals = own.reduce((sum, run) => sum + run.arrivals, 0);
  const shedRatio = arrivals === 0 ? 0 : own.reduce((sum, { shed }) => sum + shed, 0) / arrivals;
  const growth = assessGrowth(averageLengths(queues, index, id));
  const isGrowing = growth.verdict === "growing" && utilization >= nearlyAlwaysHeld;
  const isSaturated = isGrowing || shedRatio > notableShedRatio || utilization >= nothingToGive;
  const state = isSaturated ? "saturated" : utilization >= busyFrom ? "busy" : "free";
  const use =
    coreUse > Math.min(slotUse, nearlyAlwaysHeld)
      ? `${coresOf(component)} ${percent(coreUse)} busy`
      : `${slotsOf(component)} ${percent(slotUse)} held`;
  const parts = [`${name} is ${state}: ${use}`];
  const { endToMean } = growth;
  parts.push(
    isGrowing
      ? `its queue grows to ${number(endToMean.value)} times its mean (95 % interval ${range(endToMean)}; even growth from nothing is 2)`
      : `its queue ends at ${number(endToMean.value)} times its mean (95 % interval ${range(endToMean)}; steady is 1)`,
  );
  if (shedRatio > 0) parts.push(`${percent(shedRatio)} of its arrivals shed`);
  return { component: id, name, state, utilization, shedRatio, growth, message: parts.join(", ") };
}

function averageLengths(queues: readonly QueueSamples[], index: number, id: string): number[] {
  const first = queues[0]?.lengths[index] ?? [];
  for (const { lengths } of queues) {
    if (lengths[index]?.length === first.length) continue;
    throw new RangeError(
      `queues of component "${id}": ${lengths[index]?.length} samples given; must be ${first.length}, as in the first run`,
    );
  }
  return first.map((_, sample) => {
    return queues.reduce((sum, { lengths }) => sum + (lengths[index]?.[sample] as number), 0) / queues.length;
  });
}
