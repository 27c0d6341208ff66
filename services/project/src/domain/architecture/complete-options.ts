import type { OptionRules } from "./option-rules.ts";

type Plain = { [field: string]: unknown };

/**
 * A copy of the fields that the rules know. Absent ones stay absent, but for the fields of a group that is there, which take
 * their fallbacks; an empty list counts as absent. A bad value is kept, to be reported.
 */
export function completeOptions<T>(given: object, rules: OptionRules): T {
  const options: Plain = {};
  for (const [field, rule] of Object.entries(rules)) {
    const value = (given as Plain)[field] ?? rule.fallback;
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    if (rule.form === "group" && typeof value === "object") options[field] = completeOptions(value, rule.fields);
    else options[field] = Array.isArray(value) ? [...value] : value;
  }
  return options as T;
}
