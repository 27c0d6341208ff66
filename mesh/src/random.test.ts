import { describe, expect, test } from "vitest";
import { seededRandom, systemRandom } from "./random.ts";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe.each([
  ["systemRandom", systemRandom],
  ["seededRandom", seededRandom(7)],
])("%s", (_name, random) => {
  test("draws numbers in [0, 1) with their mean near a half", () => {
    const drawn = Array.from({ length: 10_000 }, () => random.next());
    expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(0.55);
  });

  test("draws 32-bit integers, each bit set half of the time", () => {
    const drawn = Array.from({ length: 10_000 }, () => random.int32());
    expect(drawn.every((value) => Number.isInteger(value) && (value | 0) === value)).toBe(true);
    for (let bit = 0; bit < 32; bit += 1) {
      const share = drawn.filter((value) => ((value >>> bit) & 1) === 1).length / drawn.length;
      expect(Math.abs(share - 0.5)).toBeLessThan(0.03);
    }
    expect(new Set(drawn).size).toBeGreaterThan(9_990);
  });

  test("makes distinct version 4 UUIDs", () => {
    const ids = Array.from({ length: 1000 }, () => random.id());
    expect(ids.every((id) => UUID_V4.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(1000);
  });
});

describe("seededRandom", () => {
  test("repeats itself for the same seed only", () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed);
      return [random.next(), random.next(), random.int32(), random.id()];
    };
    expect(draw(42)).toEqual(draw(42));
    expect(draw(42)).not.toEqual(draw(43));
  });
});
