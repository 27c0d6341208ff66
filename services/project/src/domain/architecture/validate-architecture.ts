import {
  type Architecture,
  COMPONENT_ID_PATTERN,
  COMPONENT_KINDS,
  COMPONENT_LIMITS,
  type ComponentKind,
  CV_LIMIT,
  DISTRIBUTION_KINDS,
  type Distribution,
  FAN_OUTS,
  LATENCY_LIMIT,
  LINK_LIMITS,
  MAX_ARRIVALS,
  MAX_COMPONENTS,
  MAX_LINKS,
  MAX_MS_LIMIT,
  MAX_POINTS,
  MAX_WORKLOADS,
  type NumberLimit,
  POINT_WEIGHT_LIMIT,
  SERVICE_TIME_LIMIT,
  TAIL_INDEX_LIMIT,
  TEXT_LIMITS,
  WORKLOAD_KINDS,
  WORKLOAD_LIMITS,
  WORKLOAD_SHAPE_LIMITS,
  type Workload,
} from "./architecture.ts";
import { componentOptionProblems } from "./component-option-rules.ts";
import { shapeProblem } from "./distribution-rules.ts";
import { findCycle } from "./find-cycle.ts";
import { COMPONENT_OPTIONS, LINK_OPTIONS, type OptionRules, WORKLOAD_OPTIONS } from "./option-rules.ts";
import { optionProblems } from "./validate-options.ts";
import { numberProblem, oneOfProblem, quote } from "./value-problems.ts";
import { arrivalsProblem, workloadProblem } from "./workload-rules.ts";

/** What is wrong with one field: `field` is its path (`components[2].instances`), the message names the limit. */
export interface ArchitectureProblem {
  field: string;
  message: string;
}

/** Enough to fix a file by; more would bury the first ones. */
const MAX_PROBLEMS = 100;

/**
 * Everything wrong with a complete architecture, at most 100 problems, in the order of its fields. An empty list means
 * that every limit holds, ids are unique, links and workloads name components that exist, and calls form no cycle.
 */
export function validateArchitecture(architecture: Architecture): ArchitectureProblem[] {
  const problems: ArchitectureProblem[] = [];
  const report = (field: string, message: string) => {
    if (problems.length < MAX_PROBLEMS) problems.push({ field, message });
  };
  const { components, links, workloads } = architecture;
  checkCount(components.length, MAX_COMPONENTS, "components", report);
  checkCount(links.length, MAX_LINKS, "links", report);
  checkCount(workloads.length, MAX_WORKLOADS, "workloads", report);
  // Whoever sends a million entries gets one problem, not a million checks.
  if (problems.length > 0) return problems;

  const kinds = checkComponents(architecture, report);
  checkLinks(architecture, kinds, report);
  checkWorkloads(architecture, kinds, report);
  const cycle = findCycle(links.filter((link) => link.from !== link.to));
  if (cycle !== undefined) {
    report("links", `calls must not form a cycle, but these do: ${[...cycle, cycle[0]].join(" -> ")}`);
  }
  return problems;
}

type Report = (field: string, message: string) => void;

function checkComponents(architecture: Architecture, report: Report): Map<string, ComponentKind> {
  const kinds = new Map<string, ComponentKind>();
  for (const [index, component] of architecture.components.entries()) {
    const field = `components[${index}]`;
    if (!COMPONENT_ID_PATTERN.test(component.id)) {
      report(
        `${field}.id`,
        `must be 1 to 63 of a-z, 0-9, ".", "_" and "-", starting with a letter or digit, not ${quote(component.id)}`,
      );
    }
    if (kinds.has(component.id)) report(`${field}.id`, `${quote(component.id)} is already another component's id`);
    else kinds.set(component.id, component.kind);
    checkText(component.name, 1, TEXT_LIMITS.name, `${field}.name`, report);
    checkOneOf(component.kind, COMPONENT_KINDS, `${field}.kind`, report);
    for (const [name, limit] of Object.entries(COMPONENT_LIMITS)) {
      checkNumber(component[name as keyof typeof COMPONENT_LIMITS], limit, `${field}.${name}`, report);
    }
    checkDistribution(component.serviceTime, SERVICE_TIME_LIMIT, `${field}.serviceTime`, report);
    checkOneOf(component.fanOut, FAN_OUTS, `${field}.fanOut`, report);
    checkText(component.image, 0, TEXT_LIMITS.image, `${field}.image`, report);
    if (!checkOptions(component, COMPONENT_OPTIONS, field, report)) continue;
    for (const misfit of componentOptionProblems(component)) report(`${field}.${misfit.field}`, misfit.problem);
  }
  return kinds;
}

function checkLinks(architecture: Architecture, kinds: ReadonlyMap<string, ComponentKind>, report: Report): void {
  const ids = new Set<string>();
  for (const [index, link] of architecture.links.entries()) {
    const field = `links[${index}]`;
    checkText(link.id, 1, TEXT_LIMITS.linkId, `${field}.id`, report);
    if (ids.has(link.id)) report(`${field}.id`, `${quote(link.id)} is already another link's id`);
    ids.add(link.id);
    for (const end of ["from", "to"] as const) {
      if (!kinds.has(link[end])) report(`${field}.${end}`, `${quote(link[end])} is not a component's id`);
    }
    if (link.from === link.to) report(`${field}.to`, `a component cannot call itself, but ${quote(link.to)} would`);
    else if (kinds.get(link.to) === "client") {
      report(`${field}.to`, `${quote(link.to)} is a client: clients originate requests and cannot be called`);
    }
    checkDistribution(link.latency, LATENCY_LIMIT, `${field}.latency`, report);
    for (const [name, limit] of Object.entries(LINK_LIMITS)) {
      checkNumber(link[name as keyof typeof LINK_LIMITS], limit, `${field}.${name}`, report);
    }
    if (typeof link.asynchronous !== "boolean") report(`${field}.asynchronous`, "must be true or false");
    checkOptions(link, LINK_OPTIONS, field, report);
  }
}

function checkWorkloads(architecture: Architecture, kinds: ReadonlyMap<string, ComponentKind>, report: Report): void {
  const ids = new Set<string>();
  let arrivalsLeft = MAX_ARRIVALS;
  for (const [index, workload] of architecture.workloads.entries()) {
    const field = `workloads[${index}]`;
    checkText(workload.id, 1, TEXT_LIMITS.workloadId, `${field}.id`, report);
    if (ids.has(workload.id)) report(`${field}.id`, `${quote(workload.id)} is already another workload's id`);
    ids.add(workload.id);
    const kind = kinds.get(workload.component);
    if (kind === undefined) report(`${field}.component`, `${quote(workload.component)} is not a component's id`);
    else if (kind !== "client") {
      report(`${field}.component`, `must be a client, but ${quote(workload.component)} is a ${kind}`);
    }
    checkOneOf(workload.kind, WORKLOAD_KINDS, `${field}.kind`, report);
    for (const [name, limit] of Object.entries(WORKLOAD_LIMITS)) {
      checkNumber(workload[name as keyof typeof WORKLOAD_LIMITS], limit, `${field}.${name}`, report);
    }
    checkShape(workload, field, arrivalsLeft, report);
    arrivalsLeft -= workload.arrivalsMs?.length ?? 0;
    checkOptions(workload, WORKLOAD_OPTIONS, field, report);
  }
}

function checkShape(workload: Workload, field: string, mostArrivals: number, report: Report): void {
  let sound = true;
  const note: Report = (name, message) => {
    sound = false;
    report(name, message);
  };
  for (const [name, limit] of Object.entries(WORKLOAD_SHAPE_LIMITS)) {
    const value = workload[name as keyof typeof WORKLOAD_SHAPE_LIMITS];
    if (value !== undefined) checkNumber(value, limit, `${field}.${name}`, note);
  }
  const inArrivals = arrivalsProblem(workload.arrivalsMs ?? [], mostArrivals);
  if (inArrivals !== undefined) note(`${field}.arrivalsMs`, inArrivals);
  const misfit = sound ? workloadProblem(workload) : undefined;
  if (misfit !== undefined) report(`${field}.${misfit.field}`, misfit.problem);
}

/** Whether nothing was reported. */
function checkOptions(owner: object, rules: OptionRules, field: string, report: Report): boolean {
  const problems = optionProblems(owner, rules);
  for (const misfit of problems) report(`${field}.${misfit.field}`, misfit.problem);
  return problems.length === 0;
}

function checkCount(count: number, max: number, field: string, report: Report): void {
  if (count > max) report(field, `at most ${max} are allowed, not ${count}`);
}

function checkDistribution(distribution: Distribution, mean: NumberLimit, field: string, report: Report): void {
  const { kind, meanMs, cv, tailIndex, maxMs, points = [] } = distribution;
  let sound = true;
  const note: Report = (name, message) => {
    sound = false;
    report(name, message);
  };
  checkOneOf(kind, DISTRIBUTION_KINDS, `${field}.kind`, note);
  // An empirical mean is right when the points are.
  if (kind !== "empirical") checkNumber(meanMs, mean, `${field}.meanMs`, note);
  checkNumber(cv, CV_LIMIT, `${field}.cv`, note);
  if (tailIndex !== undefined) checkNumber(tailIndex, TAIL_INDEX_LIMIT, `${field}.tailIndex`, note);
  if (maxMs !== undefined) checkNumber(maxMs, MAX_MS_LIMIT, `${field}.maxMs`, note);
  checkCount(points.length, MAX_POINTS, `${field}.points`, note);
  for (const [index, { upToMs, weight }] of points.slice(0, MAX_POINTS).entries()) {
    checkNumber(upToMs, MAX_MS_LIMIT, `${field}.points[${index}].upToMs`, note);
    checkNumber(weight, POINT_WEIGHT_LIMIT, `${field}.points[${index}].weight`, note);
  }
  const misfit = sound ? shapeProblem(distribution, mean) : undefined;
  if (misfit !== undefined) report(`${field}.${misfit.field}`, misfit.problem);
}

function checkNumber(value: number, limit: NumberLimit, field: string, report: Report): void {
  const problem = numberProblem(value, limit);
  if (problem !== undefined) report(field, problem);
}

function checkOneOf(value: string, allowed: readonly string[], field: string, report: Report): void {
  const problem = oneOfProblem(value, allowed);
  if (problem !== undefined) report(field, problem);
}

function checkText(value: string, min: number, max: number, field: string, report: Report): void {
  if (typeof value === "string" && value.length >= min && value.length <= max) return;
  const length = typeof value === "string" ? `${value.length}` : quote(value);
  report(field, `must have ${min} to ${max} characters, not ${length}`);
}
