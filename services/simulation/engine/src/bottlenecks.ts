/**
 * What limits the system, in order, each with a sentence that carries its numbers.
 *
 * A component limits when its queue grows beyond chance, when its slots are (nearly) always held, or when it sheds. A
 * component whose slots are full only because it waits for another limiting one behind it is listed after that one: the
 * cause comes first. When nothing limits, the candidates are what will limit first and what costs most today: the one
 * whose queues hold the largest share of the time requests spend in the system, and the one with the highest utilization.
 * Utilization alone misleads: 100 slots at 90 % make nobody wait, one slot at 80 % does. Where slots share cores, the
 * busier of the two is what counts: requests pile up in slots that are not full while the cores are.
 *
 * Growth counts as real when it exceeds four standard deviations of what random arrivals do by themselves (the square
 * root of the number of arrivals) and the queue ended well above its mean: a steadily growing one ends at twice its mean.
 */
import { awaitedComponents } from "./awaited-components.ts";
import type { Model, ModelComponent } from "./model.ts";
import { type ComponentPeriod, ratio } from "./period.ts";

export interface Bottleneck {
  readonly component: string;
  readonly reason: "saturated" | "growing-queue" | "highest-demand";
  readonly message: string;
  /** Mean share of the slots held, or of the cores that work where these are shared and busier; 0 to 1. */
  readonly utilization: number;
  /** The load it could bear, as a multiple of this one; below 1 when it gets more than it can do. */
  readonly headroom: number;
}

const fullUtilization = 0.95;
const notableShedRatio = 0.01;
const notableWaitShare = 0.05;
const growthDeviations = 4;
const growthEndToMean = 1.4;
const mostListed = 3;

interface Candidate {
  readonly component: ModelComponent;
  readonly period: ComponentPeriod;
  /** Of slots or cores. */
  readonly used: number;
  readonly areCoresBusier: boolean;
  /** Slots (or cores) needed for everything that arrived, as a share of those there are. */
  readonly offered: number;
  /** Whether a client waits for it. */
  readonly isAwaited: boolean;
  /** Of all the time requests spent in the system, the share spent in this component's queues; 0 when no client waits. */
  readonly waitShare: number;
  readonly isGrowing: boolean;
  readonly isFull: boolean;
}

/** The limits that were hit in the period, and if none was, what is nearest. `periods` is by component index. */
export function findBottlenecks(model: Model, periods: readonly ComponentPeriod[]): Bottleneck[] {
  const candidates = readCandidates(model, periods);
  const limiting = orderByCause(model, candidates);
  if (limiting.length > 0) return limiting.slice(0, mostListed);
  return nearestLimits(candidates).map((candidate) => describe(candidate, "highest-demand", demandMessage(candidate)));
}

function readCandidates(model: Model, periods: readonly ComponentPeriod[]): Candidate[] {
  let presentInClients = 0;
  for (const { isClient, index } of model.components)
    if (isClient) presentInClients += periods[index]?.presentMean ?? 0;
  const awaited = awaitedComponents(model);
  const candidates: Candidate[] = [];
  for (const component of model.components) {
    const period = periods[component.index];
    if (component.isClient || period === undefined || period.utilization === 0) continue;
    const { arrivals, shed, completed, failed, queueLengthStart, queueLengthEnd, queueLengthMean } = period;
    const growth = queueLengthEnd - queueLengthStart;
    const served = completed + failed;
    const areCoresBusier = period.coreUtilization > Math.min(period.utilization, fullUtilization);
    const isAwaited = awaited.has(component.index);
    const used = areCoresBusier ? period.coreUtilization : period.utilization;
    candidates.push({
      component,
      period,
      used,
      areCoresBusier,
      offered: used * Math.max(1, served === 0 ? 1 : (served + shed + Math.max(0, growth)) / served),
      isAwaited,
      waitShare: isAwaited ? Math.min(1, ratio(period.queueLengthMean, presentInClients)) : 0,
      isGrowing: growth > growthDeviations * Math.sqrt(arrivals) && queueLengthEnd > growthEndToMean * queueLengthMean,
      isFull: used >= fullUtilization || shed > notableShedRatio * arrivals,
    });
  }
  return candidates;
}

function orderByCause(model: Model, candidates: readonly Candidate[]): Bottleneck[] {
  const limiting = new Map<number, Candidate>();
  for (const candidate of candidates) {
    if (candidate.isGrowing || candidate.isFull) limiting.set(candidate.component.index, candidate);
  }
  const causes = new Map<number, Candidate | undefined>();
  for (const candidate of limiting.values()) {
    causes.set(candidate.component.index, findCause(model, candidate, limiting));
  }
  const isCaused = (candidate: Candidate) => Number(causes.get(candidate.component.index) !== undefined);
  return [...limiting.values()]
    .sort((a, b) => isCaused(a) - isCaused(b) || Number(b.isGrowing) - Number(a.isGrowing) || b.offered - a.offered)
    .map((candidate) => {
      const reason = candidate.isGrowing ? "growing-queue" : "saturated";
      const cause = causes.get(candidate.component.index);
      return describe(candidate, reason, limitMessage(candidate) + heldMessage(candidate, cause));
    });
}

/** The limiting component that this one mostly waits for, if it is not its own work that fills it. */
function findCause(
  model: Model,
  candidate: Candidate,
  limiting: ReadonlyMap<number, Candidate>,
): Candidate | undefined {
  const { workUtilization, utilization } = candidate.period;
  if (candidate.areCoresBusier || workUtilization > utilization / 2) return undefined;
  const seen = new Set<number>();
  const pending = [candidate.component];
  for (let component = pending.pop(); component !== undefined; component = pending.pop()) {
    for (const link of component.links) {
      if (!link.isAwaited || seen.has(link.to)) continue;
      seen.add(link.to);
      const cause = limiting.get(link.to);
      if (cause !== undefined) return cause;
      pending.push(model.components[link.to] as ModelComponent);
    }
  }
  return undefined;
}

function nearestLimits(candidates: readonly Candidate[]): Candidate[] {
  const byUse = [...candidates].sort((a, b) => b.used - a.used);
  const byWait = [...candidates].sort((a, b) => b.waitShare - a.waitShare);
  const mostUsed = byUse[0];
  const mostWaited = byWait[0];
  if (mostUsed === undefined || mostWaited === undefined) return [];
  if (mostWaited.waitShare < notableWaitShare || mostWaited === mostUsed) return [mostUsed];
  return [mostWaited, mostUsed];
}

function describe(candidate: Candidate, reason: Bottleneck["reason"], message: string): Bottleneck {
  const { component, used, offered } = candidate;
  return { component: component.id, reason, message, utilization: used, headroom: 1 / offered };
}

function limitMessage(candidate: Candidate): string {
  const { component, period, offered, isGrowing } = candidate;
  const served = ratio(period.completed + period.failed, period.seconds);
  const parts = [`${component.name}: ${useOf(candidate)}`, `${number(served)} requests/s answered`];
  if (isGrowing) {
    parts.push(
      `the queue grew from ${period.queueLengthStart} to ${period.queueLengthEnd} (mean ${number(period.queueLengthMean)})`,
    );
  } else if (period.queueLengthMean > 0) {
    parts.push(`${number(period.queueLengthMean)} waiting on average`);
  }
  if (period.shed > 0) parts.push(`${percent(period.shed / period.arrivals)} of the arrivals shed`);
  parts.push(`it would need ${number(offered)} times its capacity`);
  return parts.join(", ");
}

function heldMessage({ period }: Candidate, cause: Candidate | undefined): string {
  const waitingShare = 1 - ratio(period.workUtilization, period.utilization);
  if (cause !== undefined) {
    return `; ${percent(waitingShare)} of that time the slots wait for calls, held up by ${cause.component.name}`;
  }
  return waitingShare > 0.5 ? `; ${percent(waitingShare)} of that time the slots wait for calls downstream` : "";
}

function demandMessage(candidate: Candidate): string {
  const { component, period, offered, isAwaited, waitShare } = candidate;
  const served = ratio(period.completed + period.failed, period.seconds);
  return (
    `${component.name}: ${useOf(candidate)} at ${number(served)} requests/s, ` +
    `full at ${number(served / offered)}; requests wait ${number(period.waitMeanMs)} ms for a slot, ` +
    (isAwaited ? `${percent(waitShare)} of the time they spend in the system` : "for which no client waits")
  );
}

/** "its 4 slots are 93.1 % held". */
function useOf({ component, used, areCoresBusier }: Candidate): string {
  const { instances, concurrency, cpus } = component;
  const count = instances * (areCoresBusier ? cpus : concurrency);
  const [one, many, how] = areCoresBusier ? ["core", "cores", "busy"] : ["slot", "slots", "held"];
  return `${count === 1 ? `its ${one} is` : `its ${number(count)} ${many} are`} ${percent(used)} ${how}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Three significant digits, without an exponent. */
function number(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
