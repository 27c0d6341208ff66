/**
 * Whether an architecture can be simulated at all: limits, references, and what would make a run meaningless.
 *
 * Everything wrong is collected, so that it can be corrected in one go. Each message names the component or link, the
 * field, what was given and what is allowed. Cycles are left to `call-order.ts`, which needs the references to be right.
 */
import type { Architecture, Component, Distribution, Link, Workload } from "./architecture.ts";
import { componentOptionIssues } from "./check-component-options.ts";
import { distributionIssues } from "./check-distribution.ts";
import { linkOptionIssues } from "./check-link-options.ts";
import { workloadOptionIssues } from "./check-workload-options.ts";
import type { ModelIssue } from "./model-error.ts";
import type { OptionIssue } from "./option-issues.ts";
import { workloadIssues } from "./workloads/check-workload.ts";
import { peakRatePerSecond } from "./workloads/expected-arrivals.ts";
import { resolveWorkload } from "./workloads/resolve-workload.ts";

/** A load multiplies rates and users; beyond these products a run would not get anywhere. */
const maximumLoad = 10_000;
const maximumRatePerSecond = 10_000_000;
const maximumUsers = 1_000_000;

const componentKinds = ["client", "load_balancer", "service", "cache", "database", "queue", "external"];
const idPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

type Place = Pick<ModelIssue, "component" | "link">;

/** Everything that is wrong, empty when nothing is. */
export function checkArchitecture(architecture: Architecture, load: number): ModelIssue[] {
  const check = new Check();
  const { components, links, workloads } = architecture;
  check.unique(components, "component");
  check.unique(links, "link");
  check.unique(workloads, "workload");
  const byId = new Map(components.map((component) => [component.id, component]));
  for (const component of components) checkComponent(check, component);
  for (const link of links) checkLink(check, link, byId);
  for (const component of components) checkOutgoing(check, component, links);
  if (workloads.length === 0) check.add({}, "workloads", "no workload: nothing would ever be called");
  for (const workload of workloads) checkWorkload(check, workload, byId);
  return [...check.issues, ...checkLoad(workloads, load)];
}

/** Whether these workloads can be run at this load, by the highest rate of each; empty when they can. */
export function checkLoad(workloads: readonly Omit<Workload, "component">[], load: number): ModelIssue[] {
  const check = new Check();
  check.number({}, "load", load, 0, maximumLoad);
  for (const workload of workloads) {
    const { id, kind, users, ratePerSecond } = workload;
    const field = kind === "closed" ? "users" : "ratePerSecond";
    const peak = kind === "closed" ? users : peakRatePerSecond(resolveWorkload(workload));
    const product = peak * load;
    const maximum = kind === "closed" ? maximumUsers : maximumRatePerSecond;
    if (product <= maximum) continue;
    const what = kind === "closed" || peak === ratePerSecond ? field : "its peak rate";
    check.add({}, field, `workload "${id}": ${what} times the load is ${product}; allowed is at most ${maximum}`);
  }
  return check.issues;
}

function checkComponent(check: Check, component: Component): void {
  const place = { component: component.id };
  if (!idPattern.test(component.id)) {
    check.add(place, "id", `component "${component.id}": id must match ${idPattern.source}`);
  }
  check.oneOf(place, "kind", component.kind, componentKinds);
  check.oneOf(place, "fanOut", component.fanOut, ["sequential", "parallel"]);
  check.integer(place, "instances", component.instances, 1, 1000);
  check.integer(place, "concurrency", component.concurrency, 1, 10_000);
  check.integer(place, "queueCapacity", component.queueCapacity, 0, 1_000_000);
  check.number(place, "errorRatio", component.errorRatio, 0, 1);
  check.number(place, "hitRatio", component.hitRatio, 0, 1);
  check.distribution(place, "serviceTime", component.serviceTime, 600_000);
  check.addAll(place, whereIs(place), componentOptionIssues(component));
}

function checkLink(check: Check, link: Link, byId: ReadonlyMap<string, Component>): void {
  const place = { link: link.id };
  for (const field of ["from", "to"] as const) {
    if (!byId.has(link[field])) {
      check.add(place, field, `link "${link.id}": ${field} names "${link[field]}", which is no component`);
    }
  }
  if (link.from === link.to) check.add(place, "to", `link "${link.id}" leads from "${link.from}" to itself`);
  if (byId.get(link.to)?.kind === "client") {
    check.add(place, "to", `link "${link.id}" leads to the client "${link.to}"; clients are never called`);
  }
  check.distribution(place, "latency", link.latency, 60_000);
  check.number(place, "timeoutMs", link.timeoutMs, 0, 600_000);
  check.integer(place, "retries", link.retries, 0, 10);
  check.number(place, "retryBackoffMs", link.retryBackoffMs, 0, 60_000);
  check.number(place, "callsPerRequest", link.callsPerRequest, 0, 100);
  check.number(place, "weight", link.weight, 0, 1000);
  check.addAll(place, whereIs(place), linkOptionIssues(link));
}

function checkOutgoing(check: Check, component: Component, links: readonly Link[]): void {
  const place = { component: component.id };
  const outgoing = links.filter((link) => link.from === component.id);
  if (component.kind === "client" && outgoing.length === 0) {
    check.add(place, "links", `client "${component.id}" has no outgoing link, so its requests would do nothing`);
  }
  if (component.kind !== "load_balancer") return;
  if (outgoing.length === 0) {
    check.add(place, "links", `load balancer "${component.id}" has no outgoing link to balance between`);
  } else if (outgoing.every((link) => !(link.weight > 0))) {
    check.add(place, "weight", `load balancer "${component.id}": no outgoing link has a weight above 0`);
  }
}

function checkWorkload(check: Check, workload: Workload, byId: ReadonlyMap<string, Component>): void {
  const place = { component: workload.component };
  const target = byId.get(workload.component);
  if (target === undefined) {
    check.add({}, "component", `workload "${workload.id}" is on "${workload.component}", which is no component`);
  } else if (target.kind !== "client") {
    check.add(place, "component", `workload "${workload.id}" is on a ${target.kind}; only clients originate requests`);
  }
  for (const { field, message } of workloadIssues(workload)) check.add(place, field, message);
  check.addAll(place, `workload "${workload.id}": `, workloadOptionIssues(workload));
}

class Check {
  readonly issues: ModelIssue[] = [];

  add(place: Place, field: string, message: string): void {
    this.issues.push({ ...place, field, message });
  }

  addAll(place: Place, where: string, issues: readonly OptionIssue[]): void {
    for (const { field, message } of issues) this.add(place, field, `${where}${message}`);
  }

  number(place: Place, field: string, value: number, minimum: number, maximum: number): void {
    if (value >= minimum && value <= maximum) return;
    this.add(place, field, `${whereIs(place)}${field} is ${value}; allowed is ${minimum} to ${maximum}`);
  }

  integer(place: Place, field: string, value: number, minimum: number, maximum: number): void {
    if (Number.isInteger(value)) this.number(place, field, value, minimum, maximum);
    else
      this.add(
        place,
        field,
        `${whereIs(place)}${field} is ${value}; allowed are whole numbers from ${minimum} to ${maximum}`,
      );
  }

  oneOf(place: Place, field: string, value: string, allowed: readonly string[]): void {
    if (allowed.includes(value)) return;
    this.add(place, field, `${whereIs(place)}${field} is "${value}"; allowed are ${allowed.join(", ")}`);
  }

  distribution(place: Place, field: string, distribution: Distribution, maximumMs: number): void {
    for (const issue of distributionIssues(distribution, field, maximumMs)) {
      this.add(place, issue.field, `${whereIs(place)}${issue.message}`);
    }
  }

  unique(items: readonly { readonly id: string }[], noun: string): void {
    const seen = new Set<string>();
    for (const { id } of items) {
      if (seen.has(id)) this.add(noun === "workload" ? {} : { [noun]: id }, "id", `two ${noun}s have the id "${id}"`);
      seen.add(id);
    }
  }
}

function whereIs(place: Place): string {
  if (place.component !== undefined) return `component "${place.component}": `;
  return place.link === undefined ? "" : `link "${place.link}": `;
}
