/** Faults against an architecture: what is wrong with them, and the changes they are. */
import type { Architecture } from "../architecture.ts";
import type { PlannedChange } from "../changes.ts";
import type { ModelIssue } from "../model-error.ts";
import { ModelError } from "../model-error.ts";
import { choiceIssues, type NumberRules, numberIssues, type OptionIssue } from "../option-issues.ts";
import { type FaultFamily, longestMs } from "./family.ts";
import { type Fault, faultName } from "./fault.ts";
import { familyOf, faultKinds } from "./fault-families.ts";
import { FaultConflict, type FaultPlan, FaultPlanner } from "./plan.ts";
import { pickIssues, resolveTargets } from "./targets.ts";

const commonFields = ["kind", "name", "on", "startMs", "durationMs", "rampMs", "seed", "instances", "abort"];
const abortFigures = ["errors", "p50", "p99", "inFlight"];

/** Everything that is wrong with each fault by itself; empty when nothing is. */
export function checkFaults(faults: readonly Fault[], architecture: Architecture): ModelIssue[] {
  return faults.flatMap((fault, index) => {
    const where = faults.length === 1 ? `fault "${faultName(fault)}"` : `fault ${index + 1} "${faultName(fault)}"`;
    return checkFault(fault, architecture).map(({ field, message }) => ({ field, message: `${where}: ${message}` }));
  });
}

/** The changes that one fault is. Throws ModelError with everything that is wrong with it. */
export function planFault(fault: Fault, architecture: Architecture): PlannedChange[] {
  return planFaults([fault], architecture).changes();
}

/** What all of them are together. Throws ModelError when one is wrong, or two cannot be combined. */
export function planFaults(faults: readonly Fault[], architecture: Architecture): FaultPlan {
  const issues = checkFaults(faults, architecture);
  if (issues.length > 0) throw new ModelError(issues);
  const planner = new FaultPlanner();
  for (const fault of faults) {
    const family = familyOf(fault.kind) as FaultFamily;
    planner.begin(faultName(fault));
    family.plan(fault, resolveTargets(fault, family.targets, architecture).targets, planner, architecture);
  }
  try {
    return planner.plan();
  } catch (error) {
    if (!(error instanceof FaultConflict)) throw error;
    throw new ModelError([{ field: "faults", message: error.message }]);
  }
}

function checkFault(fault: Fault, architecture: Architecture): OptionIssue[] {
  const family = familyOf(fault.kind);
  if (family === undefined) return choiceIssues("kind", String(fault.kind), faultKinds);
  const issues = [...numberIssues(fault, commonRules(family)), ...numberIssues(fault, family.numbers)];
  const given = fault as unknown as Readonly<Record<string, unknown>>;
  for (const [field, allowed] of Object.entries(family.choices ?? {})) {
    issues.push(...choiceIssues(field, given[field] as string | undefined, allowed));
  }
  for (const field of family.flags ?? []) {
    if (given[field] === undefined || typeof given[field] === "boolean") continue;
    issues.push({ field, message: `${field} is ${given[field]}; allowed are true and false` });
  }
  const known = [...commonFields, ...fieldsOf(family)];
  for (const field of Object.keys(given).filter((name) => !known.includes(name))) {
    issues.push({
      field,
      message: `${field} is no field of it; allowed are ${[...fieldsOf(family), ...commonFields.slice(1)].join(", ")}`,
    });
  }
  issues.push(...shapeIssues(fault, family), ...abortIssues(fault));
  if (!Array.isArray(fault.on))
    return [...issues, { field: "on", message: `on is ${fault.on}; allowed is a list of targets` }];
  const { targets, issues: unknown } = resolveTargets(fault, family.targets, architecture);
  issues.push(...unknown);
  if (unknown.length > 0) return issues;
  if (fault.instances !== undefined && family.instances !== undefined) {
    issues.push(...pickIssues(fault.instances, targets.components));
  }
  // What depends on several fields is looked at when each is right by itself.
  return issues.length === 0 ? (family.check?.(fault, targets, architecture) ?? []) : issues;
}

/** Own fields of a kind, in the order in which messages name them. */
export function fieldsOf({ numbers, choices = {}, flags = [], others = [] }: FaultFamily): string[] {
  return [...others, ...Object.keys(numbers), ...Object.keys(choices), ...flags];
}

function commonRules({ isMomentary }: FaultFamily): NumberRules<Fault> {
  const time = { minimum: 0, maximum: longestMs } as const;
  return {
    startMs: { ...time, isRequired: true },
    durationMs: { ...time, isRequired: true, ...(isMomentary === true ? {} : { isAbove: true as const }) },
    rampMs: time,
    seed: { minimum: 0, maximum: 2 ** 32 - 1, isWhole: true },
  };
}

function shapeIssues({ rampMs = 0, durationMs, instances }: Fault, family: FaultFamily): OptionIssue[] {
  const issues: OptionIssue[] = [];
  if (rampMs > 0 && family.hasRamp !== true) {
    issues.push({ field: "rampMs", message: `rampMs is ${rampMs}; it is all or nothing, so allowed is 0` });
  } else if (rampMs > durationMs) {
    issues.push({ field: "rampMs", message: `rampMs is ${rampMs}; allowed is at most durationMs (${durationMs})` });
  }
  if (instances !== undefined && family.instances === undefined) {
    issues.push({ field: "instances", message: "instances are given; it is on all of them, so leave them out" });
  }
  if (instances === undefined && family.instances === "required") {
    issues.push({
      field: "instances",
      message: "instances are missing; allowed are [0, 1], {random: 1}, {share: 0.5} or {zone: 0, of: 3}",
    });
  }
  return issues;
}

function abortIssues({ abort }: Fault): OptionIssue[] {
  if (abort === undefined) return [];
  const highest = abort.figure === "errors" ? 1 : 1e9;
  return [
    ...choiceIssues("abort.figure", String(abort.figure), abortFigures),
    ...numberIssues(
      abort,
      {
        above: { minimum: 0, maximum: highest, isRequired: true },
        forMs: { minimum: 0, maximum: longestMs, isRequired: true },
      },
      "abort.",
    ),
  ];
}
