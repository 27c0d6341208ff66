/**
 * What the engine shows for a designed case: two replications of it, each long enough for its own utilization and
 * variability, whose difference says how noisy the label is. Events are limited, so that no case takes the time of ten.
 */
import type { Architecture } from "../src/architecture.ts";
import { analyze, compileModel, estimateEvents, Simulation } from "../src/index.ts";
import type { DesignedCase } from "../src/prediction/random-topology.ts";

/** Latencies in ms, utilization 0 to 1. */
export interface Label {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly utilization: number;
}

export interface LabelledRun {
  readonly index: number;
  readonly architecture: Architecture;
  readonly label: Label;
  /** ln(first ÷ second) of the two replications. */
  readonly difference: Label;
}

const figures = ["mean", "p50", "p95", "p99", "utilization"] as const;

const fewestRequests = 15_000;
const warmupShare = 0.1;

export function labelledRun({ architecture, index }: DesignedCase, mostEvents: number): LabelledRun {
  const [first, second] = [1, 2].map((replication) =>
    labelOf(architecture, 1000 * index + replication, mostEvents / 2),
  );
  if (first === undefined || second === undefined) throw new Error("a replication is missing");
  const over = (combine: (one: number, other: number) => number) =>
    Object.fromEntries(figures.map((name) => [name, combine(first[name], second[name])])) as unknown as Label;
  return {
    index,
    architecture,
    label: over((one, other) => Math.sqrt(one * other)),
    difference: over((one, other) => Math.log(one / other)),
  };
}

function labelOf(architecture: Architecture, seed: number, mostEvents: number): Label {
  const model = compileModel(architecture);
  const busiest = busiestOf(architecture);
  const ratePerSecond = model.workloads.reduce((sum, one) => sum + one.ratePerSecond, 0);
  const eventsPerRequest = estimateEvents(model, 1000) / ratePerSecond;
  const variability = Math.max(...architecture.components.map(({ serviceTime }) => serviceTime.cv ** 2), 1);
  const wanted =
    (fewestRequests * Math.min(3, (1 + variability) / 2)) /
    Math.max(0.12, (1 - busiest.busy) ** 1.2) /
    Math.max(0.15, busiest.rarest / ratePerSecond);
  const durationMs = (1000 * Math.min(wanted, mostEvents / eventsPerRequest)) / ratePerSecond;
  const warmupMs = warmupShare * durationMs;
  const simulation = new Simulation(model, { seed, durationMs: durationMs + warmupMs, warmupMs });
  simulation.runUntil(durationMs + warmupMs);
  const { latency, components } = simulation.results();
  const utilization = components.find(({ id }) => id === busiest.id)?.utilization ?? 0;
  return { mean: latency.meanMs, p50: latency.p50Ms, p95: latency.p95Ms, p99: latency.p99Ms, utilization };
}

/** The component that theory finds busiest, and how often the one is visited that is visited least. */
function busiestOf(architecture: Architecture): {
  readonly id: string;
  readonly busy: number;
  readonly rarest: number;
} {
  const found = { id: "", busy: 0, rarest: Infinity };
  for (const { id, offeredLoad, arrivalsPerSecond } of analyze(compileModel(architecture)).components) {
    found.rarest = Math.min(found.rarest, arrivalsPerSecond.value);
    if (offeredLoad.value <= found.busy) continue;
    found.id = id;
    found.busy = offeredLoad.value;
  }
  return found;
}
