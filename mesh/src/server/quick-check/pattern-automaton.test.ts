import { create } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PatternAutomaton } from "./pattern-automaton.ts";
import { fieldType, scriptedMessage } from "./testing/scripted-rules.ts";

const validator = createValidator();

/** What protovalidate says of texts under a pattern. */
function verdicts(pattern: string, texts: readonly string[]): string[] {
  const rules = { type: { case: "string", value: { pattern } } } as const;
  const desc = scriptedMessage({ text: { type: fieldType.STRING, rules } });
  return texts.map((text) => validator.validate(desc, create(desc, { text } as never)).kind);
}

const pieces = [
  ...[
    "a",
    "b",
    "-",
    "_",
    ".",
    "\\.",
    "\\-",
    "\\d",
    "\\w",
    "\\W",
    "\\D",
    "\\s",
    "\\b",
    "\\/",
    "[ab]",
    "[^a]",
    "[a-c-]",
    "[-.]",
  ],
  ...[
    "[\\d_]",
    "[b-a]",
    "[]a]",
    "[^]",
    "[[:alpha:]]",
    "[a^]",
    "[.$]",
    "[a\\]b]",
    "(",
    ")",
    "(?:",
    "(?i)",
    "(?P<n>",
    "|",
  ],
  ...[
    "*",
    "+",
    "?",
    "{2}",
    "{0,2}",
    "{1,}",
    "{2,1}",
    "{0}",
    "{",
    "}",
    "{,2}",
    "{1001}",
    "^",
    "$",
    "\\$",
    "\\",
    "]",
    "é",
    "\n",
  ],
];
const patterns = fc
  .tuple(fc.boolean(), fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 7 }), fc.boolean())
  .map(([fromStart, middle, toEnd]) => `${fromStart ? "^" : ""}${middle.join("")}${toEnd ? "$" : ""}`);
const texts = fc.array(
  fc.string({ unit: fc.constantFrom("a", "b", "c", "-", "_", ".", "1", "$", "\n", "]"), maxLength: 7 }),
  {
    minLength: 8,
    maxLength: 8,
  },
);

describe("PatternAutomaton", () => {
  it("agrees with RE2 about texts of ASCII, for every pattern that it takes", () => {
    let taken = 0;
    fc.assert(
      fc.property(patterns, texts, (pattern, samples) => {
        const automaton = PatternAutomaton.of(pattern);
        if (automaton !== undefined) {
          taken += 1;
          const ours = samples.map((text) => (automaton.accepts(text) ? "valid" : "invalid"));
          expect(ours).toEqual(verdicts(pattern, samples));
        }
      }),
      { numRuns: 1000 },
    );
    expect(taken).toBeGreaterThan(50);
  });

  it.each([
    "^[a-z]+([.][a-z_]+)+$",
    "^[A-Za-z0-9][A-Za-z0-9_.-]{2,31}$",
    "^[a-z0-9][a-z0-9._-]{0,62}$",
    "a(b|c)*d",
    "^x|y",
  ])("takes %s exactly when it can", (pattern) => {
    const automaton = PatternAutomaton.of(pattern);
    expect(automaton === undefined).toBe(pattern === "^x|y");
    const samples = ["project.read", "project", "a", "ab", "a".repeat(32), "a".repeat(33), "zabcbdz", "a\n", "", "x-1"];
    const ours = samples.map((text) => (automaton?.accepts(text) ? "valid" : "invalid"));
    expect(automaton === undefined ? [] : ours).toEqual(automaton === undefined ? [] : verdicts(pattern, samples));
  });

  it.each(["(?i)a", "a\\b", "a+?", "[[:alpha:]]", "\\p{L}", "a**", "(a|b)*a(a|b){9}", "x{900}"])(
    "leaves %s alone",
    (pattern) => {
      expect(PatternAutomaton.of(pattern)).toBeUndefined();
    },
  );

  it.each(["é", "a\0", "\ud800", "\u{1F600}"])("is not sure about %j", (text) => {
    expect(PatternAutomaton.of(".*")?.accepts(text)).toBe(false);
  });

  it("reads a long text once, however the pattern could be backtracked", () => {
    expect(PatternAutomaton.of("^(a+)+$")?.accepts(`${"a".repeat(100_000)}!`)).toBe(false);
  });
});
