/**
 * From faults to the changes of a run.
 *
 * Each fault holds settings for some time, at one value after the other; where several faults hold the same setting, its
 * value is their combination (settings.ts), and when nobody holds it any more it goes back to normal. So faults may overlap in
 * any way, and an end never sets back what another fault still holds. Because every setting is known with its normal value,
 * the plan can also be ended at any moment (`endedAt`), which is what an abort does.
 */
import type { Change, PlannedChange } from "../changes.ts";
import type { Setting } from "./settings.ts";

/** From `atMs` on the setting has this value, until the next step or the end. */
export interface Step<V> {
  readonly atMs: number;
  readonly value: V;
}

interface Course<V> {
  readonly setting: Setting<V>;
  readonly fault: string;
  /** Ascending, at least one. */
  readonly steps: readonly Step<V>[];
  readonly endMs: number;
}

interface PlannedStep extends PlannedChange {
  /** Of settings: which one, and what sets it back; undefined when this does so itself. */
  readonly key?: string;
  readonly back?: Change | undefined;
}

/** Two faults want the same setting, and their wishes cannot be combined. */
export class FaultConflict extends Error {
  override readonly name = "FaultConflict";
}

/** What faults want, as they say it one after the other. */
export class FaultPlanner {
  readonly #courses = new Map<string, Course<unknown>[]>();
  readonly #moments: PlannedStep[] = [];
  #fault = "";

  /** What is said from now on is said by this fault. */
  begin(fault: string): void {
    this.#fault = fault;
  }

  /** Holds a setting from its first step until the end, which may be endless. */
  hold<V>(setting: Setting<V>, steps: readonly Step<V>[], endMs: number): void {
    const course = { setting, fault: this.#fault, steps, endMs };
    const others = this.#courses.get(setting.key);
    if (others === undefined) this.#courses.set(setting.key, [course as Course<unknown>]);
    else others.push(course as Course<unknown>);
  }

  /** Something that happens at one moment and leaves nothing to set back. */
  once(atMs: number, change: Change): void {
    this.#moments.push({ atMs, change });
  }

  /** Throws FaultConflict. */
  plan(): FaultPlan {
    const held = [...this.#courses.values()].flatMap(stepsOfSetting);
    return new FaultPlan([...held, ...this.#moments].sort((a, b) => a.atMs - b.atMs));
  }
}

export class FaultPlan {
  readonly #steps: readonly PlannedStep[];

  constructor(steps: readonly PlannedStep[]) {
    this.#steps = steps;
  }

  /** All changes in order. */
  changes(): PlannedChange[] {
    return grouped(this.#steps);
  }

  /** The changes up to a moment, at which everything that is not normal is set back. */
  endedAt(atMs: number): PlannedChange[] {
    const done = this.#steps.filter((step) => step.atMs <= atMs);
    const open = new Map<string, PlannedStep>();
    for (const step of done) if (step.key !== undefined) open.set(step.key, step);
    const backs = [...open.values()].flatMap(({ back }) => (back === undefined ? [] : [{ atMs, change: back }]));
    return grouped([...done, ...backs]);
  }
}

function stepsOfSetting(courses: readonly Course<unknown>[]): PlannedStep[] {
  const { setting } = courses[0] as Course<unknown>;
  const times = courses.flatMap(({ steps, endMs }) => [...steps.map(({ atMs }) => atMs), endMs]);
  const planned: PlannedStep[] = [];
  const back = setting.change(setting.normal);
  const normal = JSON.stringify(back);
  let before = normal;
  for (const atMs of [...new Set(times)].sort((a, b) => a - b)) {
    if (atMs === Number.POSITIVE_INFINITY) break;
    const change = setting.change(valueAt(setting, courses, atMs));
    const now = JSON.stringify(change);
    if (now !== before) planned.push({ atMs, change, key: setting.key, back: now === normal ? undefined : back });
    before = now;
  }
  return planned;
}

function valueAt(setting: Setting<unknown>, courses: readonly Course<unknown>[], atMs: number): unknown {
  const active = courses.filter(({ steps, endMs }) => (steps[0] as Step<unknown>).atMs <= atMs && atMs < endMs);
  if (active.length === 0) return setting.normal;
  const values = active.map(({ steps }) => (steps.findLast((step) => step.atMs <= atMs) as Step<unknown>).value);
  const combined = setting.combine(values);
  if (combined !== undefined || values.length === 1) return combined;
  const names = active.map(({ fault }) => `"${fault}"`);
  throw new FaultConflict(
    `${names.slice(0, -1).join(", ")} and ${names.at(-1)} both set ${setting.name} at ${atMs / 1000} s; only one of them can at a time`,
  );
}

/** Neighbours that do the same to different instances of a component at one moment become one change. */
function grouped(steps: readonly PlannedChange[]): PlannedChange[] {
  const changes: PlannedChange[] = [];
  for (const { atMs, change } of steps) {
    const last = changes.at(-1);
    const merged = last?.atMs === atMs ? merge(last.change, change) : undefined;
    if (merged === undefined) changes.push({ atMs, change });
    else changes[changes.length - 1] = { atMs, change: merged };
  }
  return changes;
}

function merge(one: Change, other: Change): Change | undefined {
  if (one.kind === "up" && other.kind === "up" && one.component === other.component) {
    return { ...one, instances: [...one.instances, ...other.instances] };
  }
  if (one.kind === "down" && other.kind === "down" && one.component === other.component) {
    const isAlike = one.inFlight === other.inFlight && one.isNoticed === other.isNoticed;
    return isAlike ? { ...one, instances: [...one.instances, ...other.instances] } : undefined;
  }
  return undefined;
}
