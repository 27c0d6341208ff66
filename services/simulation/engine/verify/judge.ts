/**
 * Whether a figure agrees with its exact value, by the protocol of case.ts.
 */
import type { Figure } from "./case.ts";

const acceptedStandardErrors = 4;
/** Relative; rounding of sums in figures that have no other error to hide it in. */
const arithmeticError = 1e-9;

export type Verdict = "ok" | "off" | "imprecise";

export interface Judgement {
  readonly measured: number;
  readonly standardError: number;
  /** Difference from the exact value in standard errors, beyond what `bias` allows; 0 within it. */
  readonly z: number;
  /** The standard error relative to the exact value; 0 for an exact 0 that was met without error. */
  readonly precision: number;
  /** "off": too far from the exact value. "imprecise": too uncertain to tell. */
  readonly verdict: Verdict;
}

/** Judges the values of a figure, one per replication; a value that is no number makes it off. */
export function judge(figure: Figure, values: readonly number[]): Judgement {
  const { exact, exactError = 0, bias = 0 } = figure;
  const measured = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - measured) ** 2, 0);
  const spread = Math.sqrt(squares / (values.length - 1) / values.length);
  const standardError = spread < arithmeticError * Math.abs(exact) ? 0 : spread;
  const precision = relative(standardError, exact);
  const beyond = Math.max(0, Math.abs(measured - exact) - Math.max(bias, arithmeticError) * Math.abs(exact));
  const z = beyond === 0 ? 0 : (Math.sign(measured - exact) * beyond) / Math.hypot(standardError, exactError);
  return { measured, standardError, z, precision, verdict: verdictOf(z, precision, figure.precision) };
}

function verdictOf(z: number, precision: number, allowed: number): Verdict {
  if (!(Math.abs(z) <= acceptedStandardErrors)) return "off";
  return precision <= allowed ? "ok" : "imprecise";
}

function relative(error: number, exact: number): number {
  return error === 0 ? 0 : error / Math.abs(exact);
}
