/**
 * What the optional features of a model do that the theory leaves out, in sentences with their numbers, and how much of the
 * theory's figures that costs.
 *
 * A feature that cannot matter at these rates (a rate limit far above them, a breaker that hardly ever sees failures) is
 * not mentioned: an assumption that always stands there is read by nobody.
 */
import type { Model, ModelComponent, ModelLink } from "../model.ts";
import { openShare } from "./amplification.ts";
import { limitsCalls } from "./call-attempts.ts";
import type { OperatingPoint } from "./operating-point.ts";
import { tailAbove } from "./random-time.ts";
import { sharesCores } from "./shared-cores.ts";
import type { Mix } from "./work-mix.ts";

/**
 * "nothing": the figures hold all the same, or nearly. "wait": only the order of magnitude of the waits there does.
 * "capacity": nor is known what it can do. "everything": rates are in doubt, and so is all that follows from them.
 */
export type Cost = "nothing" | "wait" | "capacity" | "everything";

export interface Doubt {
  readonly sentence: string;
  readonly costs: Cost;
}

/** Below this share of a limit, Poisson arrivals hardly ever reach it. */
const nearLimit = 0.7;
const notable = 1e-3;
const busy = 0.05;

export function doubtsOfComponent(model: Model, component: ModelComponent, point: OperatingPoint, mix: Mix): Doubt[] {
  const state = point.components[component.index] as OperatingPoint["components"][number];
  const doubts: Doubt[] = [];
  const add = (sentence: string, costs: Cost) => doubts.push({ sentence, costs });
  const { arrivalsPerSecond, offered, wait } = state;
  const { rateLimit, autoscaler, locks, cpus, discipline, balancing, instances, splitsReads, isBalancer } = component;
  const hasWaits = offered > busy;
  if (rateLimit !== undefined && arrivalsPerSecond > nearLimit * rateLimit.perSecond) {
    const { perSecond, whenExceeded } = rateLimit;
    const what = whenExceeded === "reject" ? "refuses" : "delays";
    add(`its rate limit of ${perSecond}/s ${what} some of ${number(arrivalsPerSecond)}/s: left out.`, "everything");
  }
  if (autoscaler !== undefined) {
    add(`its autoscaler is left out: computed with ${instances} instances all the time.`, "capacity");
  }
  if (locks !== undefined && hasWaits) {
    add(`waits for its ${locks.keys} locked rows are left out, which also bound what it can do.`, "capacity");
  }
  if (sharesCores(component)) {
    add(
      `${cpus} cores are shared by what works: M/M/c with cores for slots, which for arrivals by chance is right for any work (processor sharing)` +
        `${instances > 1 ? ", with several instances nearly" : ""}.`,
      "nothing",
    );
    if (component.holdsSlot && callsBehind(component) && hasWaits) {
      add("its slots, held for calls as well as for work on shared cores, count as a station of their own.", "wait");
    }
  }
  if (discipline === "priority" && mix.classes.length > 1 && hasWaits) {
    const differs = mix.factorSquare - mix.factor ** 2 > 1e-9;
    const isExact = instances === 1 && (component.concurrency === 1 || !differs);
    add("serves by priority (Cobham): the mean wait is over all priorities.", isExact ? "nothing" : "wait");
  }
  if (discipline === "lifo" && hasWaits)
    add("serves the newest first: the mean wait stays, its spread is larger.", "nothing");
  if (component.dropsExpired && deadlinesReach(model, wait)) {
    add("refuses requests whose deadline has passed: left out, so it does more work here than it would.", "everything");
  }
  if (splitsReads) {
    const writes = `${percent(mix.writeShare)} of its requests write`;
    add(`${writes} and go to its first instance, the others to the other ${instances - 1}: two stations.`, "nothing");
  }
  if (isBalancer && balancing !== "weighted" && component.links.length > 1) {
    add(`chooses its links by ${balancing.replaceAll("_", " ")}: taken for chance, by their weights.`, "everything");
  }
  if (!isBalancer && balancing === "consistent_hash" && instances > 1) {
    add("consistent hashing gives instances unequal shares of the sessions: taken for equal ones.", "capacity");
  }
  return doubts;
}

export function doubtsOfLink(model: Model, link: ModelLink, point: OperatingPoint): Doubt[] {
  const state = point.links[link.index] as OperatingPoint["links"][number];
  const doubts: Doubt[] = [];
  const add = (sentence: string, costs: Cost) => doubts.push({ sentence, costs });
  const { attemptsPerSecond, failingRatio, attempt, poolOffered, bandwidthOffered, attempts } = state;
  if (attemptsPerSecond === 0) return doubts;
  const { breaker, retryBudget, hedgeAfterMs, lossRatio, maxConnections } = link;
  if (lossRatio > 0) {
    add(
      `${percent(lossRatio)} of its messages are lost each way: left out.`,
      lossRatio > 1e-4 ? "everything" : "nothing",
    );
  }
  if (breaker !== undefined && failingRatio > 0) {
    const caller = model.components[link.from] as ModelComponent;
    const callsPerSecond = attemptsPerSecond / caller.instances;
    const given = { failureRatio: failingRatio, consecutiveFailures: breaker.failures, callsPerSecond };
    const refused = openShare({ ...given, openMs: breaker.openMs });
    if (refused > notable) add(`its breakers would be open ${percent(refused)} of the time: left out.`, "everything");
  }
  if (retryBudget !== undefined && attempts - 1 > retryBudget.ratio) {
    add(
      `${number(attempts - 1)} retries per call exceed its budget of ${number(retryBudget.ratio)}, which is left out.`,
      "everything",
    );
  }
  if (hedgeAfterMs > 0) {
    const hedged = tailAbove(attempt, hedgeAfterMs);
    if (hedged > notable) add(`${percent(hedged)} of its calls would be hedged, which is left out.`, "everything");
  }
  if (bandwidthOffered > 0) {
    add(`its bandwidth is ${percent(bandwidthOffered)} used: messages taken to come by chance (M/D/1).`, "nothing");
  }
  const caller = model.components[link.from] as ModelComponent;
  if (limitsCalls(link, caller) && poolOffered > busy) {
    const callee = model.components[link.to] as ModelComponent;
    const isAlone = model.links.filter(({ to }) => to === link.to).length === 1;
    const slots = callee.instances * callee.concurrency;
    const hasUsers = model.workloads.some(({ kind }) => kind === "closed");
    const isKnown =
      isAlone && !hasUsers && caller.instances === 1 && (maxConnections <= slots || callee.links.length === 0);
    const used = `${maxConnections} connections per instance are ${percent(poolOffered)} used`;
    add(`${used}: a station whose slots they are, independent of the queue behind it.`, isKnown ? "nothing" : "wait");
  }
  return doubts;
}

/** Whether what waits there is at times older than some workload's deadline. */
function deadlinesReach(
  { workloads }: Model,
  wait: { readonly meanMs: number; readonly varianceMs2: number },
): boolean {
  return workloads.some(({ deadlineMs }) => deadlineMs > 0 && tailAbove(wait, deadlineMs) > notable);
}

function callsBehind({ links }: ModelComponent): boolean {
  return links.some(({ isAwaited, callsPerRequest }) => isAwaited && callsPerRequest > 0);
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(3)));
}
