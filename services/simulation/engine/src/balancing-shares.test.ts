import { describe, expect, test } from "vitest";
import type { Balancing } from "./architecture.ts";
import { Chooser } from "./balancing.ts";
import { RandomStream } from "./random.ts";

const count = 10;

function chooserOf(kind: Balancing, weights: readonly number[] = Array(count).fill(1), draws = 2) {
  const members = Int32Array.from(weights, (_, index) => index);
  const load = new Int32Array(weights.length);
  const choices = { members, load, weight: Float64Array.from(weights) };
  return { chooser: new Chooser(kind, new RandomStream(1, "test"), choices, draws), members, load };
}

/** The share of so many choices that each member gets; nobody is loaded. */
function sharesOf(kind: Balancing, weights: readonly number[], choices: number): number[] {
  const { chooser } = chooserOf(kind, weights);
  const counts = Array(weights.length).fill(0);
  for (let session = 0; session < choices; session++) counts[chooser.choose(0, weights.length, session)]++;
  return counts.map((chosen) => chosen / choices);
}

describe("consistent hashing", () => {
  const sessions = Array.from({ length: 20_000 }, (_, index) => index);

  test("sends a session to the same instance, whatever its load, and spreads sessions evenly", () => {
    const { chooser, load } = chooserOf("consistent_hash");
    const chosen = sessions.map((session) => chooser.choose(0, count, session));
    load[3] = 1000;
    expect(sessions.map((session) => chooser.choose(0, count, session))).toEqual(chosen);
    // A share of 0.1 of 20000 sessions has a standard deviation of 0.0021.
    for (const share of sharesOf("consistent_hash", Array(count).fill(1), 20_000)) expect(share).toBeCloseTo(0.1, 1);
    for (const share of sharesOf("consistent_hash", Array(count).fill(1), 20_000)) {
      expect(Math.abs(share - 0.1)).toBeLessThan(0.009);
    }
  });

  test("moves the sessions of an instance that goes, and no others", () => {
    const { chooser, members } = chooserOf("consistent_hash");
    const before = sessions.map((session) => chooser.choose(0, count, session));
    members.set([0, 1, 2, 3, 5, 6, 7, 8, 9, 4]);
    const after = sessions.map((session) => chooser.choose(0, count - 1, session));
    const moved = sessions.filter((session) => before[session] !== after[session]);
    expect(moved.every((session) => before[session] === 4)).toBe(true);
    expect(Math.abs(moved.length / sessions.length - 1 / count)).toBeLessThan(0.009);
    expect(after).not.toContain(4);
  });
});

describe("weighted balancing", () => {
  test("gives each its share, and nothing to a weight of 0", () => {
    const shares = sharesOf("weighted", [1, 0, 3, 6], 40_000);
    expect(shares[1]).toBe(0);
    for (const [index, share] of [0.1, 0, 0.3, 0.6].entries()) {
      expect(Math.abs((shares[index] as number) - share)).toBeLessThan(0.01);
    }
  });
});

describe("round robin", () => {
  test("goes round, and goes on where it was when one is gone", () => {
    const { chooser } = chooserOf("round_robin", [1, 1, 1]);
    expect(Array.from({ length: 5 }, () => chooser.choose(0, 3, 0))).toEqual([1, 2, 0, 1, 2]);
    expect(Array.from({ length: 4 }, () => chooser.choose(0, 2, 0))).toEqual([0, 1, 0, 1]);
  });
});

describe("balancing by load", () => {
  test("by fewest connections finds the least loaded in relation to its weight", () => {
    const { chooser, load } = chooserOf("least_connections", [1, 1, 4]);
    load.set([3, 2, 10]);
    for (let tries = 0; tries < 20; tries++) expect(chooser.choose(0, 3, 0)).toBe(2);
    load.set([3, 1, 10]);
    for (let tries = 0; tries < 20; tries++) expect(chooser.choose(0, 3, 0)).toBe(1);
  });

  test("of two never takes the most loaded of all, and takes others than the least loaded", () => {
    const { chooser, load } = chooserOf("power_of_two");
    load.set(Array.from({ length: count }, (_, index) => index));
    const chosen = new Set(Array.from({ length: 2000 }, () => chooser.choose(0, count, 0)));
    expect(chosen).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8]));
  });

  test.each([3, 5, 9])("of %i takes the k-th least loaded as often as no other of those drawn is below it", (draws) => {
    const { chooser, load } = chooserOf("power_of_two", Array(count).fill(1), draws);
    load.set([7, 3, 9, 0, 5, 1, 8, 2, 6, 4]);
    const tries = 40_000;
    const chosen = Array(count).fill(0);
    for (let session = 0; session < tries; session++) chosen[load[chooser.choose(0, count, 0)] as number]++;
    for (let rank = 0; rank < count; rank++) {
      // The lowest of `draws` without repetition has `rank` of all below it: all others drawn are above.
      const expected = ways(count - 1 - rank, draws - 1) / ways(count, draws);
      expect(Math.abs(chosen[rank] / tries - expected), `rank ${rank}`).toBeLessThan(0.01);
    }
  });

  test("of some prefers no place among equals", () => {
    const { chooser } = chooserOf("power_of_two", Array(count).fill(1), 4);
    const chosen = Array(count).fill(0);
    for (let session = 0; session < 40_000; session++) chosen[chooser.choose(0, count, 0)]++;
    for (const times of chosen) expect(Math.abs(times / 40_000 - 0.1)).toBeLessThan(0.008);
  });

  test("of more than there are takes the least loaded of all", () => {
    const { chooser, load } = chooserOf("power_of_two", [1, 1, 1], 16);
    load.set([3, 1, 2]);
    for (let tries = 0; tries < 20; tries++) expect(chooser.choose(0, 3, 0)).toBe(1);
  });
});

/** Of choosing so many out of n. */
function ways(n: number, many: number): number {
  let product = 1;
  for (let index = 0; index < many; index++) product *= (n - index) / (index + 1);
  return Math.max(0, product);
}
