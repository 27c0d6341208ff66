import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { type Choice, pickOfTwo } from "./p2c.ts";

const random = seededRandom(7);

class Named implements Choice {
  readonly name: string;
  readonly #load: () => number;
  readonly #warmth: number;

  constructor(name: string, load: number | (() => number), warmth = 1) {
    this.name = name;
    this.#load = typeof load === "number" ? () => load : load;
    this.#warmth = warmth;
  }

  load(): number {
    return this.#load();
  }

  warmth(): number {
    return this.#warmth;
  }
}

/** How often each is picked, as a share. */
function shares(candidates: readonly Named[], draws = 8000): Record<string, number> {
  const counts: Record<string, number> = Object.fromEntries(candidates.map(({ name }) => [name, 0]));
  for (let draw = 0; draw < draws; draw += 1) {
    const name = pickOfTwo(candidates, 0, random)?.name ?? "";
    counts[name] = (counts[name] ?? 0) + 1 / draws;
  }
  return counts;
}

describe("pickOfTwo", () => {
  test("has nothing to pick from nothing", () => {
    expect(pickOfTwo([], 0, random)).toBeUndefined();
  });

  test("picks the only candidate without asking for its load", () => {
    const only = new Named("only", () => expect.fail("the load of a single candidate was asked for"));
    expect(pickOfTwo([only], 0, random)).toBe(only);
  });

  test("never picks the most loaded, since it always meets a lighter one", () => {
    const picked = shares([new Named("a", 1), new Named("b", 2), new Named("c", 9)]);
    expect(picked.c).toBe(0);
    expect(picked.b).toBeGreaterThan(0.3);
  });

  test("spreads evenly over candidates of equal load", () => {
    const picked = shares(["a", "b", "c", "d"].map((name) => new Named(name, 1)));
    for (const share of Object.values(picked)) {
      expect(share).toBeCloseTo(0.25, 1);
    }
    expect(shares([new Named("a", 1), new Named("b", 1)]).a).toBeCloseTo(0.5, 1);
  });

  test("compares two different candidates at both ends of the random range", () => {
    for (const next of [0, 0.5, 1 - Number.EPSILON]) {
      const compared: string[] = [];
      const candidates = ["a", "b", "c"].map((name) => new Named(name, () => compared.push(name)));
      pickOfTwo(candidates, 0, { next: () => next });
      expect(new Set(compared).size).toBe(2);
    }
  });

  test("gives one that warms up only that part of its turns", () => {
    expect(shares([new Named("new", 0, 0.2), new Named("old", 5)]).new).toBeCloseTo(0.2, 1);
  });

  test("makes none wait when all warm up", () => {
    expect(shares([new Named("a", 0, 0.1), new Named("b", 5, 0.1)]).b).toBe(0);
  });
});
