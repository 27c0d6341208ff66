/**
 * The waits of each priority at a component that serves by priority.
 *
 * One slot: Cobham (1954) for any distribution, each class with its own work. Several slots: Cobham's formula for M/M/c,
 * where every class does the same work; the mean over all is then that of order of arrival, which this leaves to the
 * station's own formula and divides among the classes. A slot that is held for calls counts as work.
 */
import { momentsOf } from "../distribution-moments.ts";
import type { ModelComponent } from "../model.ts";
import { type PriorityClass, priorityWaitsMs } from "./priority-station.ts";
import type { Mix } from "./work-mix.ts";

export interface PriorityWait {
  readonly priority: number;
  readonly waitMeanMs: number;
}

/** The mean wait over all classes ÷ that in order of arrival: not 1 only where the classes' work differs, for one slot. */
export function priorityRatio(component: ModelComponent, arrivalsPerSecond: number, mix: Mix | undefined): number {
  if (mix === undefined || !servesClasses(component, mix) || slotsOf(component) > 1) return 1;
  const classes = classesOf(component, arrivalsPerSecond, mix);
  const [served] = priorityWaitsMs([inOrderOfArrival(classes)]);
  if (served === undefined || served === 0 || served === Infinity) return 1;
  const waits = priorityWaitsMs(classes);
  return mix.classes.reduce((sum, { share }, index) => sum + share * (waits[index] as number), 0) / served;
}

/** Most important first; undefined where priorities play no part. `meanMs` is the wait over all, `offered` of the slots. */
export function waitsByPriority(
  component: ModelComponent,
  { arrivalsPerSecond, meanMs, offered }: Record<"arrivalsPerSecond" | "meanMs" | "offered", number>,
  mix: Mix | undefined,
): PriorityWait[] | undefined {
  if (mix === undefined || !servesClasses(component, mix)) return undefined;
  const { classes, factor } = mix;
  if (slotsOf(component) === 1) {
    const waits = priorityWaitsMs(classesOf(component, arrivalsPerSecond, mix));
    const mean = classes.reduce((sum, { share }, index) => sum + share * (waits[index] as number), 0);
    // What the station's own formula knows beyond Cobham's, such as irregular arrivals, is the same for all.
    const scale = mean > 0 && mean < Infinity && meanMs < Infinity ? meanMs / mean : 1;
    return classes.map(({ priority }, index) => ({ priority, waitMeanMs: (waits[index] as number) * scale }));
  }
  let before = 0;
  return classes.map(({ priority, share, factor: own }) => {
    const through = before + offered * share * (factor === 0 ? 1 : own / factor);
    const residualMs = meanMs * (1 - offered);
    const waitMeanMs = through < 1 && meanMs < Infinity ? residualMs / ((1 - before) * (1 - through)) : Infinity;
    before = through;
    return { priority, waitMeanMs };
  });
}

function servesClasses({ discipline }: ModelComponent, { classes }: Mix): boolean {
  return discipline === "priority" && classes.length > 1;
}

function slotsOf({ instances, concurrency }: ModelComponent): number {
  return instances * concurrency;
}

/** The component's work is that of the mix; each class has its own part of it. */
function classesOf({ serviceTime }: ModelComponent, arrivalsPerSecond: number, mix: Mix): PriorityClass[] {
  const { meanMs, cv } = momentsOf(serviceTime);
  const square = mix.factorSquare === 0 ? 0 : ((1 + cv ** 2) * mix.factor ** 2) / mix.factorSquare;
  return mix.classes.map(({ share, factor, factorSquare }) => ({
    arrivalsPerSecond: arrivalsPerSecond * share,
    meanServiceMs: mix.factor === 0 ? 0 : (meanMs * factor) / mix.factor,
    serviceScv: factor === 0 ? 0 : Math.max(0, (square * factorSquare) / factor ** 2 - 1),
  }));
}

function inOrderOfArrival(classes: readonly PriorityClass[]): PriorityClass {
  const arrivalsPerSecond = classes.reduce((sum, one) => sum + one.arrivalsPerSecond, 0);
  const mean = (read: (one: PriorityClass) => number) =>
    arrivalsPerSecond === 0
      ? 0
      : classes.reduce((sum, one) => sum + one.arrivalsPerSecond * read(one), 0) / arrivalsPerSecond;
  const meanServiceMs = mean((one) => one.meanServiceMs);
  const square = mean((one) => one.meanServiceMs ** 2 * (1 + one.serviceScv));
  return { arrivalsPerSecond, meanServiceMs, serviceScv: meanServiceMs === 0 ? 0 : square / meanServiceMs ** 2 - 1 };
}
