import type { OptionRule, OptionRules } from "./option-rules.ts";
import { numberProblem, numbersProblem, oneOfProblem } from "./value-problems.ts";

/** A field, by its path from the thing that has it ("breaker.openMs"); `problem` is a sentence's end. */
export interface OptionProblem {
  field: string;
  problem: string;
}

/** Everything wrong with single options of a component, link or workload, in the order of the rules. */
export function optionProblems(options: object, rules: OptionRules): OptionProblem[] {
  const problems: OptionProblem[] = [];
  for (const [field, rule] of Object.entries(rules)) {
    const value = (options as { [field: string]: unknown })[field];
    if (value === undefined && rule.required !== true) continue;
    if (rule.form === "group" && typeof value === "object" && value !== null) {
      for (const inner of optionProblems(value, rule.fields)) {
        problems.push({ ...inner, field: `${field}.${inner.field}` });
      }
      continue;
    }
    const problem = value === undefined ? "must be given" : valueProblem(value, rule);
    if (problem !== undefined) problems.push({ field, problem });
  }
  return problems;
}

function valueProblem(value: unknown, rule: OptionRule): string | undefined {
  switch (rule.form) {
    case "number":
      return numberProblem(value, rule.limit);
    case "numbers":
      return Array.isArray(value) ? numbersProblem(value, rule.limit, rule.most) : "must be a list of numbers";
    case "choice":
      return oneOfProblem(value, rule.allowed);
    case "flag":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "group":
      return `must be a mapping of ${Object.keys(rule.fields).join(", ")}`;
  }
}
