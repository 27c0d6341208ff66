import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { none } from "../visit-pool.ts";
import { createKeyIndex, DirectIndex, HashedIndex } from "./key-index.ts";

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("set" as const), key: fc.nat(60), place: fc.nat(1000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), key: fc.nat(60), place: fc.constant(0) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("clear" as const), key: fc.constant(0), place: fc.constant(0) }),
  },
);

describe.each([
  ["HashedIndex", () => new HashedIndex(1)],
  ["DirectIndex", () => new DirectIndex(61)],
] as const)("%s", (_, create) => {
  test("finds what a Map finds after any sequence of steps", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: "max" }), (steps) => {
        const index = create();
        const model = new Map<number, number>();
        for (const { kind, key, place } of steps) {
          if (kind === "set") index.set(key, place);
          else if (kind === "delete") index.delete(key);
          else index.clear();
          if (kind === "set") model.set(key, place);
          else if (kind === "delete") model.delete(key);
          else model.clear();
        }
        for (let key = 0; key <= 60; key++) expect(index.get(key)).toBe(model.get(key) ?? none);
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

describe("HashedIndex", () => {
  test("keeps every key that is left while half of a long table is deleted", () => {
    const index = new HashedIndex(4);
    for (let key = 0; key < 5000; key++) index.set(key * 7919, key);
    for (let key = 0; key < 5000; key += 2) index.delete(key * 7919);
    for (let key = 0; key < 5000; key++) expect(index.get(key * 7919)).toBe(key % 2 === 0 ? none : key);
  });
});

describe("createKeyIndex", () => {
  test("has a place for every key only where that is the smaller way", () => {
    expect(createKeyIndex(1000, 500)).toBeInstanceOf(DirectIndex);
    expect(createKeyIndex(10_000_000, 500)).toBeInstanceOf(HashedIndex);
  });
});
