/** Whom a fault is on: its selectors, and the instances it takes of each component. */
import type { Architecture, Component, Link, Workload } from "../architecture.ts";
import type { OptionIssue } from "../option-issues.ts";
import { RandomStream } from "../random.ts";
import type { Fault, InstancePick } from "./fault.ts";

export type TargetNoun = "link" | "component" | "workload";

export interface Targets {
  readonly links: readonly Link[];
  readonly components: readonly Component[];
  readonly workloads: readonly Workload[];
}

const selector = /^(?:(link|component|workload|kind):)?(.+)$/;

/**
 * What the selectors name, in the order of the architecture. An id alone is looked for among what the fault can be on. Where it
 * can be on links but not on components, a component stands for the links into it.
 */
export function resolveTargets(
  { on }: Pick<Fault, "on">,
  nouns: readonly TargetNoun[],
  { components, links, workloads }: Architecture,
): { readonly targets: Targets; readonly issues: readonly OptionIssue[] } {
  const issues: OptionIssue[] = [];
  const chosen = { link: new Set<Link>(), component: new Set<Component>(), workload: new Set<Workload>() };
  const refuse = (message: string) => issues.push({ field: "on", message: `on ${message}` });
  const choose = (noun: TargetNoun, id: string): boolean => {
    if (noun === "component" && nouns.includes("component")) return add(chosen.component, byId(components, id));
    if (noun === "component" && nouns.includes("link")) {
      return add(
        chosen.link,
        links.filter(({ to }) => to === id || (id === "*" && nouns[0] === "link")),
      );
    }
    if (!nouns.includes(noun)) return false;
    return noun === "link" ? add(chosen.link, byId(links, id)) : add(chosen.workload, byId(workloads, id));
  };
  for (const text of on) {
    const [, prefix, id = ""] = selector.exec(String(text)) ?? [];
    if (prefix === "kind") {
      const ofKind = components.filter(({ kind }) => kind === id);
      const found = ofKind.map((one) => choose("component", one.id));
      if (!found.includes(true)) refuse(`names "${text}"; there is no such component it could be on`);
    } else if (prefix === undefined) {
      const order: readonly TargetNoun[] = [...nouns, "component"];
      if (!order.some((noun) => choose(noun, id)))
        refuse(`names "${text}"; ${known(nouns, { components, links, workloads })}`);
    } else if (!choose(prefix as TargetNoun, id)) {
      refuse(`names "${text}"; ${known(nouns, { components, links, workloads })}`);
    }
  }
  if (on.length === 0) refuse(`is empty; ${known(nouns, { components, links, workloads })}`);
  const targets: Targets = {
    links: links.filter((link) => chosen.link.has(link)),
    components: components.filter((component) => chosen.component.has(component) && component.kind !== "client"),
    workloads: workloads.filter((workload) => chosen.workload.has(workload)),
  };
  return { targets, issues };
}

function byId<T extends { readonly id: string }>(items: readonly T[], id: string): readonly T[] {
  return id === "*" ? items : items.filter((item) => item.id === id);
}

function add<T>(chosen: Set<T>, items: readonly T[]): boolean {
  for (const item of items) chosen.add(item);
  return items.length > 0;
}

const shownIds = 12;

function known(nouns: readonly TargetNoun[], { components, links, workloads }: Architecture): string {
  const ids = { link: links, component: components, workload: workloads };
  const lists = nouns.map((noun) => {
    const all = ids[noun].map(({ id }) => `${noun}:${id}`);
    return all.slice(0, shownIds).join(", ") + (all.length > shownIds ? ", …" : "");
  });
  return `allowed are ${lists.filter((list) => list !== "").join(", ")}`;
}

/** The most there may be of it, as the engine counts them. */
export function mostInstances({ instances, autoscaler }: Component): number {
  return Math.max(instances, autoscaler?.maxInstances ?? 0);
}

/** Numbers of the instances, ascending; those of `otherwise` when the fault picks none. */
export function pickInstances(fault: Fault, component: Component, otherwise: InstancePick): readonly number[] {
  const pick = fault.instances ?? otherwise;
  const all = Array.from({ length: component.instances }, (_, number) => number);
  if ("length" in pick) return pick;
  if ("zone" in pick) return all.filter((number) => number % pick.of === pick.zone);
  const count = "random" in pick ? pick.random : Math.max(1, Math.round(pick.share * all.length));
  const stream = new RandomStream(fault.seed ?? 1, `chaos/${fault.kind}/${component.id}`);
  for (let drawn = 0; drawn < Math.min(count, all.length); drawn++) {
    const other = drawn + stream.below(all.length - drawn);
    [all[drawn], all[other]] = [all[other] as number, all[drawn] as number];
  }
  return all.slice(0, count).sort((a, b) => a - b);
}

/** What is wrong with the pick for these components. */
export function pickIssues(pick: unknown, components: readonly Component[]): OptionIssue[] {
  const issues: OptionIssue[] = [];
  const refuse = (message: string) => issues.push({ field: "instances", message: `instances ${message}` });
  const whole = (value: unknown, least: number, most: number): boolean =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  for (const component of components) {
    const { id, instances } = component;
    if (Array.isArray(pick)) {
      const bad = pick.find((number) => !whole(number, 0, mostInstances(component) - 1));
      if (bad !== undefined || pick.length === 0) {
        refuse(`is [${pick}]; of "${id}" allowed are whole numbers from 0 to ${mostInstances(component) - 1}`);
      }
      continue;
    }
    const { random, share, zone, of } = (typeof pick === "object" && pick !== null ? pick : {}) as Record<
      string,
      unknown
    >;
    if (random !== undefined) {
      if (!whole(random, 1, instances)) refuse(`random is ${random}; "${id}" allows 1 to ${instances}`);
    } else if (share !== undefined) {
      if (!(typeof share === "number" && share > 0 && share <= 1)) refuse(`share is ${share}; allowed is above 0 to 1`);
    } else if (!whole(of, 1, 100) || !whole(zone, 0, (of as number) - 1)) {
      refuse(`is ${JSON.stringify(pick)}; write a list of numbers, {random: 1}, {share: 0.5} or {zone: 0, of: 3}`);
      return issues;
    }
  }
  return issues;
}
