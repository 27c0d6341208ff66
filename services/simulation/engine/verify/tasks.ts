/**
 * What a run consists of, cut into tasks for the workers: the replications of a case in portions of similar length, and
 * each property as one. The longest come first, so that no worker is left alone with one at the end.
 */
import { estimateEvents } from "../src/estimate-events.ts";
import { compileModel } from "../src/model.ts";
import { type Case, leastReplications, quickened } from "./case.ts";
import { cases } from "./cases/all.ts";
import { properties } from "./properties/all.ts";
import type { Property } from "./property.ts";

export type Task = CaseTask | PropertyTask;

export interface CaseTask {
  readonly kind: "case";
  readonly id: string;
  readonly isQuick: boolean;
  readonly from: number;
  /** Excluded. */
  readonly to: number;
}

export interface PropertyTask {
  readonly kind: "property";
  readonly id: string;
  readonly isQuick: boolean;
}

/** About a second of a worker. */
const eventsPerTask = 3e6;
const eventsOfProperty = 1e7;

/** Cases and properties whose id contains one of the parts; all when there are none. */
function chosen<Item extends { readonly id: string }>(items: readonly Item[], only: readonly string[]): Item[] {
  return items.filter(
    ({ id }) => only.length === 0 || only.some((part) => id.toLowerCase().includes(part.toLowerCase())),
  );
}

export function chosenCases(only: readonly string[], isQuick: boolean): Case[] {
  return chosen(cases, only).map((one) => (isQuick ? quickened(one) : one));
}

export function chosenProperties(only: readonly string[]): Property[] {
  return chosen(properties, only);
}

/** The case as it is run. Throws when there is none with this id. */
export function caseById(id: string, isQuick: boolean): Case {
  const found = cases.find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no case "${id}"`);
  return isQuick ? quickened(found) : found;
}

export function propertyById(id: string): Property {
  const found = properties.find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no property "${id}"`);
  return found;
}

export function tasksOf(chosenOnes: readonly Case[], checked: readonly Property[], isQuick: boolean): Task[] {
  const weighed: { task: Task; events: number }[] = checked.map(({ id }) => ({
    task: { kind: "property", id, isQuick },
    events: eventsOfProperty,
  }));
  for (const one of chosenOnes) {
    const { durationMs, replications = leastReplications } = one.run;
    const eventsEach = estimateEvents(compileModel(one.model), durationMs) * (one.rival === undefined ? 1 : 2);
    const portion = Math.max(1, Math.min(replications, Math.round(eventsPerTask / Math.max(1, eventsEach))));
    for (let from = 0; from < replications; from += portion) {
      const to = Math.min(replications, from + portion);
      weighed.push({ task: { kind: "case", id: one.id, isQuick, from, to }, events: eventsEach * (to - from) });
    }
  }
  return weighed.sort((a, b) => b.events - a.events).map(({ task }) => task);
}
