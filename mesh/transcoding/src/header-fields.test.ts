import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderFields } from "./header-fields.ts";

const name = fc.constantFrom("accept", "Accept", "x-a", "X-A", "content-type", "etag");
const value = fc.oneof(fc.stringMatching(/^[!-~]{0,12}$/), fc.constantFrom("ü", "a b", "\0", "a\nb", "\u0100", "日"));
const step = fc.oneof(
  fc.record({ do: fc.constantFrom("set" as const, "append" as const), name, value }),
  fc.record({ do: fc.constant("delete" as const), name }),
);

describe("header fields", () => {
  it("hold after any changes what Headers of the Fetch standard hold", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const ours = new HeaderFields();
        const theirs = new Headers();
        for (const one of steps) {
          const outcomes = [ours, theirs].map((fields) => outcomeOf(() => change(fields, one)));
          expect(outcomes[0]).toBe(outcomes[1]);
        }
        expect([...ours].sort()).toEqual([...theirs].sort());
        for (const asked of ["Accept", "x-a", "ETAG", "none"]) {
          expect(ours.get(asked)).toBe(theirs.get(asked));
          expect(ours.has(asked)).toBe(theirs.has(asked));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("are listed in the order in which they came", () => {
    const fields = new HeaderFields([
      ["b", "1"],
      ["a", "2"],
      ["B", "3"],
    ]);
    expect([...fields.entries()]).toEqual([
      ["b", "1, 3"],
      ["a", "2"],
    ]);
  });
});

type Step =
  | { readonly do: "set" | "append"; readonly name: string; readonly value: string }
  | { readonly do: "delete"; readonly name: string };

function change(fields: Headers, one: Step): void {
  if (one.do === "delete") {
    fields.delete(one.name);
  } else {
    fields[one.do](one.name, one.value);
  }
}

function outcomeOf(work: () => void): string {
  try {
    work();
    return "done";
  } catch {
    return "refused";
  }
}
