import { describe, expect, test } from "vitest";
import { RandomStream } from "./random.ts";

const draw = (seed: number, name: string, count: number) => {
  const stream = new RandomStream(seed, name);
  return Array.from({ length: count }, () => stream.uniform());
};

describe("RandomStream", () => {
  test("repeats itself for the same seed and name, and differs for any other", () => {
    const first = draw(1, "component/a/service", 50);
    expect(draw(1, "component/a/service", 50)).toEqual(first);
    const others = [
      draw(2, "component/a/service", 50),
      draw(1, "component/b/service", 50),
      draw(1, "component/a/error", 50),
    ];
    for (const other of others) expect(other.filter((value) => first.includes(value))).toEqual([]);
  });

  test("gives uniforms that fill 0 to 1 evenly", () => {
    const cells = new Array<number>(100).fill(0);
    const draws = 200_000;
    for (const value of draw(7, "even", draws))
      cells[Math.floor(value * 100)] = (cells[Math.floor(value * 100)] ?? 0) + 1;
    const expected = draws / 100;
    const chiSquare = cells.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 99 degrees of freedom: mean 99, standard deviation 14.07.
    expect(Math.abs(chiSquare - 99)).toBeLessThan(4 * 14.07);
  });

  test("has more than 32 bits in a uniform", () => {
    expect(draw(3, "bits", 20).filter((value) => Number.isInteger(value * 2 ** 32))).toEqual([]);
  });

  test.each([
    ["neighbouring seeds", [11, "x"], [12, "x"]],
    ["similar names", [11, "link/a-b/latency"], [11, "link/a-c/latency"]],
  ] as const)("is uncorrelated between %s", (_, [seedA, nameA], [seedB, nameB]) => {
    const count = 100_000;
    const a = draw(seedA, nameA, count);
    const b = draw(seedB, nameB, count);
    const covariance = a.reduce((sum, value, index) => sum + (value - 0.5) * ((b[index] ?? 0) - 0.5), 0) / count;
    expect(Math.abs(covariance * 12)).toBeLessThan(4 / Math.sqrt(count));
  });

  test("a certain outcome draws nothing", () => {
    const stream = new RandomStream(5, "chance");
    expect([stream.chance(0), stream.chance(1)]).toEqual([false, true]);
    expect(stream.uniform()).toBe(draw(5, "chance", 1)[0]);
  });
});
