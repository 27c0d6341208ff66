import type { InstanceView, TopView } from "./sampler.ts";

/*
 * What the person at the keyboard has chosen, and what each key changes of it. Pure: the screen is drawn from this and the
 * latest view. The selection is an instance, not a line, so it stays where it was when rates change the order.
 */

export const sortNames = ["rate", "p99", "errors", "cpu", "memory", "name"] as const;
export type SortName = (typeof sortNames)[number];

export interface TopState {
  readonly sort: SortName;
  readonly paused: boolean;
  /** "service/instance"; the first line when it is none of those shown. */
  readonly selected: string | undefined;
}

export type TopAction = "quit" | "up" | "down" | "left" | "right" | "first" | "last" | "pause";

const keys: Readonly<Record<string, TopAction>> = {
  q: "quit",
  "\u0003": "quit",
  "\u0004": "quit",
  k: "up",
  "\u001b[A": "up",
  "\u001bOA": "up",
  j: "down",
  "\u001b[B": "down",
  "\u001bOB": "down",
  h: "left",
  "\u001b[D": "left",
  "\u001bOD": "left",
  l: "right",
  "\u001b[C": "right",
  "\u001bOC": "right",
  g: "first",
  G: "last",
  p: "pause",
};

/** The actions in what a terminal sent: several keys may come at once, and an arrow is three characters. */
export function actionsFrom(input: string): TopAction[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys are sent as control characters.
  const pressed = input.match(/\u001b[[O][0-9;]*[A-Za-z~]|[\s\S]/g) ?? [];
  return pressed.flatMap((key) => keys[key] ?? []);
}

/** The state after an action; "quit" changes nothing here. */
export function applyAction(state: TopState, action: TopAction, view: TopView): TopState {
  const order = sortedInstances(view, state.sort).map(keyOfInstance);
  const at = selectedIndex(order, state);
  const select = (index: number): TopState => ({ ...state, selected: order[clamp(index, order.length)] });
  const sortBy = (step: number): TopState => {
    const next = (sortNames.indexOf(state.sort) + step + sortNames.length) % sortNames.length;
    return { ...state, sort: sortNames[next] ?? "rate" };
  };
  switch (action) {
    case "up":
      return select(at - 1);
    case "down":
      return select(at + 1);
    case "first":
      return select(0);
    case "last":
      return select(order.length - 1);
    case "left":
      return sortBy(-1);
    case "right":
      return sortBy(1);
    case "pause":
      return { ...state, paused: !state.paused };
    case "quit":
      return state;
  }
}

export function keyOfInstance({ service, instance }: InstanceView): string {
  return `${service}/${instance}`;
}

/** The line of the selection. */
export function selectedIndex(order: readonly string[], { selected }: TopState): number {
  return Math.max(0, order.indexOf(selected ?? ""));
}

/** The greatest first; what is not known comes last, by name. */
export function sortedInstances({ instances }: TopView, sort: SortName): InstanceView[] {
  const byName = (a: InstanceView, b: InstanceView): number =>
    a.service.localeCompare(b.service) || a.instance.localeCompare(b.instance);
  return [...instances].sort((a, b) => sortValue(b, sort) - sortValue(a, sort) || byName(a, b));
}

function sortValue({ load }: InstanceView, sort: SortName): number {
  const value = {
    rate: load?.callsPerSecond,
    p99: load?.p99Ms,
    errors: load?.errorShare,
    cpu: load?.cpuShare,
    memory: load?.memoryBytes,
    name: 0,
  }[sort];
  return value ?? -1;
}

function clamp(index: number, length: number): number {
  return Math.min(Math.max(index, 0), Math.max(length - 1, 0));
}
