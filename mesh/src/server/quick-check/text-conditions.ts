import { ask, type Constants, equality, literal, type RuleValue } from "./conditions.ts";
import { isStorable } from "./generated-calls.ts";
import { PatternAutomaton } from "./pattern-automaton.ts";

/** The condition for one of buf.validate.StringRules. */
export function textCondition(name: string, value: RuleValue, constants: Constants): string {
  const limit = Number(value);
  switch (name) {
    // Of a text of n characters n/2 to n code points, so most need no counting.
    case "len":
      return `v.length >= ${limit} && v.length <= ${limit * 2} && codePoints(v) === ${limit}`;
    case "minLen":
      return limit < 2
        ? `v.length >= ${limit}`
        : `(v.length >= ${limit * 2} || v.length >= ${limit} && codePoints(v) >= ${limit})`;
    case "maxLen":
      return `(v.length <= ${limit} || v.length <= ${limit * 2} && codePoints(v) <= ${limit})`;
    // And 1 to 3 bytes for each.
    case "lenBytes":
      return `v.length <= ${limit} && utf8Bytes(v) === ${limit}`;
    case "minBytes":
      return `(v.length >= ${limit} || v.length * 3 >= ${limit} && utf8Bytes(v) >= ${limit})`;
    case "maxBytes":
      return `(v.length * 3 <= ${limit} || v.length <= ${limit} && utf8Bytes(v) <= ${limit})`;
    case "pattern":
      return patternCondition(value as string, constants);
    case "prefix":
      return `v.startsWith(${literal(value)})`;
    case "suffix":
      return `v.endsWith(${literal(value)})`;
    case "contains":
      return `v.includes(${literal(value)})`;
    case "notContains":
      return `!v.includes(${literal(value)})`;
    case "email": {
      // A part of a domain has 63 characters at most: a domain of 63 needs no further look.
      const isEmail = patternCondition(email, constants);
      return `v.length - v.indexOf("@") <= 64 && ${isEmail}`;
    }
    default:
      return Object.hasOwn(formats, name)
        ? patternCondition(formats[name] as string, constants)
        : equality(name, value, constants);
  }
}

const email = "^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9]+(-+[a-zA-Z0-9]+)*([.][a-zA-Z0-9]+(-+[a-zA-Z0-9]+)*)*$";

/** The formats that protovalidate itself defines by a pattern. The others (hosts, URIs, addresses) are asked about. */
const formats: Readonly<Record<string, string>> = {
  uuid: "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
  tuuid: "^[0-9a-fA-F]{32}$",
  ulid: "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$",
};

/** Whether a text that keeps the rule can be stored for that reason alone: patterns let only ASCII without NUL be sure. */
export function provesStorable(name: string, value: RuleValue): boolean {
  switch (name) {
    case "const":
      return isStorable(value as string);
    case "in":
      return (value as readonly string[]).every(isStorable);
    default:
      return name === "pattern" || name === "email" || Object.hasOwn(formats, name);
  }
}

function patternCondition(pattern: string, constants: Constants): string {
  const automaton = PatternAutomaton.of(pattern);
  return automaton === undefined ? ask : `${constants.add(automaton)}.accepts(v)`;
}

/** The one expression people write for a field by hand, which is a pattern with a message of its own. */
export function celCondition(expression: string, constants: Constants): string {
  const matches = /^this\.matches\((?:'([^'\\]*)'|"([^"\\]*)")\)$/.exec(expression);
  return matches === null ? ask : patternCondition(matches[1] ?? matches[2] ?? "", constants);
}
