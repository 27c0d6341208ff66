/**
 * What a kind of fault is made of: what it can be on, its fields with their limits, and how it becomes courses of settings.
 * The checks of check-faults.ts and the reader of game days know nothing more of it.
 */
import type { Architecture } from "../architecture.ts";
import type { NumberRules, OptionIssue } from "../option-issues.ts";
import type { Fault } from "./fault.ts";
import type { FaultPlanner, Step } from "./plan.ts";
import type { TargetNoun, Targets } from "./targets.ts";

export interface FaultFamily<F extends Fault = Fault> {
  readonly kind: F["kind"];
  /** For people: "Retry storm". */
  readonly title: string;
  readonly targets: readonly TargetNoun[];
  /** Whether `instances` means something; "required" when there is no default. */
  readonly instances?: "optional" | "required";
  readonly hasRamp?: true;
  /** Whether it can happen at one moment, with a duration of 0. */
  readonly isMomentary?: true;
  readonly numbers: NumberRules<F>;
  readonly choices?: Readonly<Record<string, readonly string[]>>;
  readonly flags?: readonly string[];
  /** Further fields, which `check` looks at. */
  readonly others?: readonly string[];
  check?(fault: F, targets: Targets, architecture: Architecture): OptionIssue[];
  /** Only of faults without issues. */
  plan(fault: F, targets: Targets, planner: FaultPlanner, architecture: Architecture): void;
}

/** Above 0: a factor of 0 would mean work without time. */
export const factorRule = { minimum: 0, maximum: 10_000, isAbove: true } as const;
export const shareRule = { minimum: 0, maximum: 1 } as const;
export const longestMs = 7 * 24 * 3_600_000;

const rampSteps = 10;

export function endOf({ startMs, durationMs }: Fault): number {
  return startMs + durationMs;
}

/** The value at each step of the ramp, from the share of the severity, above 0 to 1. */
export function ramped<V>({ startMs, rampMs = 0 }: Fault, valueAt: (share: number) => V): Step<V>[] {
  if (rampMs === 0) return [{ atMs: startMs, value: valueAt(1) }];
  return Array.from({ length: rampSteps }, (_, step) => ({
    atMs: startMs + (rampMs * step) / rampSteps,
    value: valueAt((step + 1) / rampSteps),
  }));
}

/** 1 for none of it, the factor for all of it. */
export function partOfFactor(factor: number): (share: number) => number {
  return (share) => Number((1 + (factor - 1) * share).toPrecision(12));
}
