import type { NumberLimit } from "./architecture.ts";

/*
 * Why a single value is not what its field takes, as a sentence's end ("must be …, not …"); undefined when it is. The same
 * words stand in validation problems and in findings about files.
 */

export function numberProblem(value: unknown, limit: NumberLimit): string | undefined {
  const { min, max, integer, aboveMin = false, orZero = false } = limit;
  const within =
    typeof value === "number" &&
    (aboveMin ? value > min : value >= min) &&
    value <= max &&
    (!integer || Number.isSafeInteger(value));
  if (within || (orZero && value === 0)) return undefined;
  const range = aboveMin ? `above ${min} and at most ${max}` : `from ${min} to ${max}`;
  return `must be ${orZero ? "0 or " : ""}a ${integer ? "whole " : ""}number ${range}, not ${quote(value)}`;
}

/** Of a list of numbers; `most` is how many there may be, and one is the least. */
export function numbersProblem(values: readonly unknown[], limit: NumberLimit, most: number): string | undefined {
  if (values.length < 1 || values.length > most) return `must have 1 to ${most} numbers, not ${values.length}`;
  for (const [index, value] of values.entries()) {
    const problem = numberProblem(value, limit);
    if (problem !== undefined) return problem.replace(/, not .*$/s, `, but ${index} is ${quote(value)}`);
  }
  return undefined;
}

export function oneOfProblem(value: unknown, allowed: readonly string[]): string | undefined {
  if (typeof value === "string" && allowed.includes(value)) return undefined;
  return `must be one of ${allowed.join(", ")}, not ${quote(value)}`;
}

export function quote(value: unknown): string {
  const text = typeof value === "string" ? `"${value}"` : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
