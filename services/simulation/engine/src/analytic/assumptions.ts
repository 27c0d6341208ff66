/**
 * What in a model the theory does not cover, in sentences that name the place; and whose figures are off because of it.
 *
 * A sentence alone means the figures hold all the same, or nearly. Places that are `waits` have a wait of which only the
 * order of magnitude can be trusted, of `capacities` not even what the place can do; `isEverything` means that the rates
 * themselves are in doubt. Optional features have a file of their own, option-assumptions.ts.
 */
import type { Model, ModelComponent } from "../model.ts";
import { timeOf } from "./call-attempts.ts";
import { longestCountedQueue } from "./component-wait.ts";
import type { OperatingPoint } from "./operating-point.ts";
import { type Doubt, doubtsOfComponent, doubtsOfLink } from "./option-assumptions.ts";
import { sharesCores } from "./shared-cores.ts";
import type { Mix } from "./work-mix.ts";

export interface Assumptions {
  readonly sentences: readonly string[];
  readonly waits: ReadonlySet<number>;
  readonly capacities: ReadonlySet<number>;
  readonly isEverything: boolean;
}

const notableLateRatio = 1e-4;
const regularScv = 0.7;
const wildScv = 4;
const steadyKinds = new Set(["poisson", "constant", "closed"]);
const shiftingKinds = new Set(["ramp", "spike", "replay"]);

export function assumptionsOf(model: Model, point: OperatingPoint, mixes: readonly Mix[]): Assumptions {
  const sentences: string[] = [];
  const waits = new Set<number>();
  const capacities = new Set<number>();
  let isEverything = false;
  if (!point.isSettled) {
    sentences.push("Rates and waits found no balance: retries and time-outs chase each other.");
    isEverything = true;
  }
  const addDoubt = ({ sentence, costs }: Doubt, place: string, component: number) => {
    sentences.push(`${place}: ${sentence}`);
    if (costs === "everything") isEverything = true;
    if (costs === "wait" || costs === "capacity") waits.add(component);
    if (costs === "capacity") capacities.add(component);
  };
  if (
    model.workloads.some(({ kind }) => kind === "closed") &&
    mixes.some(({ factor, factorSquare }) => factorSquare - factor ** 2 > 1e-9)
  ) {
    sentences.push("Work factors differ between closed workloads: mixed as if their users never waited.");
    isEverything = true;
  }
  for (const { id, kind } of model.workloads) {
    if (steadyKinds.has(kind)) continue;
    sentences.push(`workload "${id}" is ${kind}: taken for Poisson arrivals at its rate per second.`);
    for (const { index } of model.components) waits.add(index);
    if (shiftingKinds.has(kind)) isEverything = true;
  }
  for (const link of model.links) {
    for (const doubt of doubtsOfLink(model, link, point)) addDoubt(doubt, `link "${link.id}"`, link.from);
    const { lateRatio = 0, failureRatio = 0 } = point.links[link.index] ?? {};
    const to = model.components[link.to] as ModelComponent;
    if (lateRatio > notableLateRatio) {
      const share = `${(lateRatio * 100).toPrecision(2)} %`;
      sentences.push(
        `link "${link.id}": ${share} of its attempts time out, as if answers took a gamma-distributed time and attempts were independent; of several balances this is the one without a storm.` +
          (link.timeoutCancels ? " What a timeout cancels is counted as done all the same." : ""),
      );
      isEverything = true;
    }
    if (link.isAwaited && failureRatio > 0 && lateRatio <= notableLateRatio) {
      sentences.push(
        `link "${link.id}": failures of "${to.id}" count as independent; mean latencies include failed answers.`,
      );
    }
  }
  for (const component of model.components) {
    if (component.isClient || (point.components[component.index]?.arrivalsPerSecond ?? 0) === 0) continue;
    const mix = mixes[component.index] as Mix;
    for (const doubt of doubtsOfComponent(model, component, point, mix)) {
      addDoubt(doubt, `component "${component.id}"`, component.index);
    }
    for (const { sentence, doubts } of ofComponent(model, component, point)) {
      sentences.push(`component "${component.id}": ${sentence}`);
      if (doubts) waits.add(component.index);
    }
  }
  return { sentences, waits, capacities, isEverything };
}

function ofComponent(
  model: Model,
  component: ModelComponent,
  point: OperatingPoint,
): { sentence: string; doubts: boolean }[] {
  const found: { sentence: string; doubts: boolean }[] = [];
  const add = (sentence: string, doubts: boolean) => found.push({ sentence, doubts });
  const { arrivalScv, hold, shedRatio, offered } = point.components[
    component.index
  ] as OperatingPoint["components"][number];
  const { instances, concurrency, queueCapacity } = component;
  const scv = hold.meanMs > 0 && hold.meanMs < Infinity ? hold.varianceMs2 / hold.meanMs ** 2 : 1;
  const slots = instances * concurrency;
  const waitsMatter = offered > 0.05;
  if (instances > 1 && waitsMatter) {
    add(
      `${instances} instances, ${component.balancing.replaceAll("_", " ")}: the wait lies between pooled and separate queues and is approximated, to about 15 %.`,
      false,
    );
  }
  if (slots > 1 && !sharesCores(component) && Math.abs(scv - 1) > 0.05 && waitsMatter) {
    add(
      `slots are held for times of squared variation ${scv.toPrecision(3)}: Allen and Cunneen's approximation.`,
      scv > wildScv,
    );
  }
  if (Math.abs(arrivalScv - 1) > 0.02 && waitsMatter) {
    add(
      `arrivals have a squared variation of about ${arrivalScv.toPrecision(3)} instead of 1: approximated by two moments.`,
      arrivalScv < regularScv,
    );
  }
  if (component.holdsSlot && slots > 0 && waitsMatter && callsBehind(model, component)) {
    add(
      "slots are held while its calls are under way: the times of these calls count as independent of its own queue.",
      false,
    );
  }
  if (shedRatio > 1e-6) {
    add(
      `its bounded queue is taken for one of all instances with exponential work (M/M/${slots}/K); what it lets through counts as irregular as what came.`,
      Math.abs(scv - 1) > 0.05 || instances > 1,
    );
  } else if (offered >= 1 && queueCapacity > longestCountedQueue) {
    add(
      "it gets more than it can do: its queue grows without end, so waits are Infinity; a run shows how far it has grown.",
      false,
    );
  }
  if (component.shedsOldest && shedRatio > 1e-6)
    add("sheds the oldest: waits of those served are longer or shorter than computed.", true);
  if (component.cache !== undefined) {
    const isExactKind =
      component.cache.policy === "lru" && component.cache.ttlMs === 0 && !component.cache.singleFlight;
    add(
      "hits are those of a warm cache with independent requests (Che's approximation for LRU; expiry, other policies and single flight are left out).",
      !isExactKind,
    );
  }
  const branching = component.isParallel && component.links.filter(({ isAwaited }) => isAwaited).length > 0;
  if (branching) add("parallel calls count as independent; the slowest of gamma-distributed times.", false);
  if (timeOf(component.serviceTime).meanMs === 0 && offered === 0) return found.filter(({ doubts }) => doubts);
  return found;
}

function callsBehind(model: Model, { links }: ModelComponent): boolean {
  return links.some(({ isAwaited, to }) => isAwaited && model.components[to] !== undefined);
}
