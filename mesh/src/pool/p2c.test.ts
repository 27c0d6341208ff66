import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { pickOfTwo } from "./p2c.ts";

const random = seededRandom(7);

describe("pickOfTwo", () => {
  test("has nothing to pick from nothing", () => {
    expect(pickOfTwo([], () => 1, random)).toBeUndefined();
  });

  test("picks the only candidate without asking for its load", () => {
    const load = () => expect.fail("the load of a single candidate was asked for");
    expect(pickOfTwo(["one"], load, random)).toBe("one");
  });

  test("never picks the most loaded, since it always meets a lighter one", () => {
    const loads = { a: 1, b: 2, c: 9 } as const;
    const picked = new Set(
      Array.from({ length: 300 }, () => pickOfTwo(["a", "b", "c"] as const, (one) => loads[one], random)),
    );
    expect(picked).toEqual(new Set(["a", "b"]));
  });

  test("spreads evenly over candidates of equal load", () => {
    const counts = [0, 0, 0, 0];
    for (let draw = 0; draw < 8000; draw += 1) {
      const picked = pickOfTwo([0, 1, 2, 3], () => 1, random) ?? 0;
      counts[picked] = (counts[picked] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(1700);
  });

  test("compares two different candidates at both ends of the random range", () => {
    for (const next of [0, 1 - Number.EPSILON]) {
      const compared: string[] = [];
      pickOfTwo(["a", "b", "c"], (one) => compared.push(one), { next: () => next, id: () => "" });
      expect(new Set(compared).size).toBe(2);
    }
  });
});
