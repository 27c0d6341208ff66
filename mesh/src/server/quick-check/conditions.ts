/**
 * Conditions are source code over `v`, the value, and hold only when it is surely valid. They may be narrower than their
 * rules, never wider.
 */

/** For a rule that is not known here: a value under it is never sure. */
export const ask = "false";
/** For a rule that changes nothing. */
export const nothing = "true";

/** Values that are put into the source by name, because they have no spelling there. */
export class Constants {
  readonly values: unknown[] = [];

  add(value: unknown): string {
    return `c${this.values.push(value) - 1}`;
  }
}

export type RuleValue = string | number | bigint | boolean | readonly RuleValue[];

/** The rules that many types have. */
export function equality(name: string, value: RuleValue, constants: Constants): string {
  switch (name) {
    case "const":
      return `v === ${literal(value)}`;
    case "in":
      return oneOf(value as readonly RuleValue[], constants);
    case "notIn":
      return `!${oneOf(value as readonly RuleValue[], constants)}`;
    default:
      return ask;
  }
}

/** As `===` has it, as in protovalidate: NaN is in no list. */
export function oneOf(values: readonly RuleValue[], constants: Constants): string {
  return values.length > 8
    ? `(${constants.add(values)}.indexOf(v) >= 0)`
    : `(${values.map((value) => `v === ${literal(value)}`).join(" || ")})`;
}

export function literal(value: RuleValue): string {
  return typeof value === "string" ? JSON.stringify(value) : typeof value === "bigint" ? `${value}n` : String(value);
}

/** Lengths of bytes; sizes of lists and maps. undefined for other rules. */
export function lengthCondition(name: string, value: RuleValue, length: string): string | undefined {
  switch (name) {
    case "len":
      return `${length} === ${Number(value)}`;
    case "minLen":
    case "minItems":
    case "minPairs":
      return `${length} >= ${Number(value)}`;
    case "maxLen":
    case "maxItems":
    case "maxPairs":
      return `${length} <= ${Number(value)}`;
    default:
      return undefined;
  }
}
