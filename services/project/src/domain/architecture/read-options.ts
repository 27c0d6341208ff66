import type { OptionRule, OptionRules } from "./option-rules.ts";
import type { WeftFields } from "./weft-fields.ts";

/**
 * The options that a mapping gives, by the rules of its thing. A bad value is a finding and counts as absent; so does a group
 * that is then without a field it needs.
 */
export function readOptions<T>(fields: WeftFields, rules: OptionRules): T {
  const options: { [field: string]: unknown } = {};
  for (const [field, rule] of Object.entries(rules)) {
    const value = readOption(fields, field, rule);
    if (value !== undefined) options[field] = value;
  }
  return options as T;
}

function readOption(fields: WeftFields, field: string, rule: OptionRule): unknown {
  switch (rule.form) {
    case "number":
      return fields.number(field, rule.limit);
    case "numbers":
      return fields.numbers(field, rule.limit, rule.most);
    case "choice":
      return fields.oneOf(field, rule.allowed);
    case "flag":
      return fields.boolean(field);
    case "group":
      return readGroup(fields, field, rule.fields);
  }
}

function readGroup(fields: WeftFields, field: string, rules: OptionRules): object | undefined {
  const inner = fields.group(field, Object.keys(rules));
  if (inner === undefined) return undefined;
  const group = readOptions<{ [field: string]: unknown }>(inner, rules);
  inner.reportUnknown();
  const missing = Object.keys(rules).filter((name) => rules[name]?.required === true && group[name] === undefined);
  if (missing.length === 0) return group;
  return fields.refuse(field, `must have a usable ${missing.join(" and ")}`);
}
