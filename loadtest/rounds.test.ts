import { describe, expect, test } from "vitest";
import { orderOfRound, ratioOf, Samples, spreadOf } from "./rounds.ts";

describe("spreadOf", () => {
  test("is undefined without values", () => {
    expect(spreadOf([])).toBeUndefined();
  });

  test("takes the middle value, or the mean of the two in the middle", () => {
    expect(spreadOf([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 });
    expect(spreadOf([4, 1, 9, 2])).toEqual({ median: 3, min: 1, max: 9 });
    expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  test("leaves the values as they were", () => {
    const values = [3, 1, 2];
    spreadOf(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe("ratioOf", () => {
  test("is better when larger, of rates and of latencies", () => {
    expect(ratioOf(200, 100, "more")).toBe(2);
    expect(ratioOf(0.1, 0.2, "less")).toBe(2);
  });
});

test("every other round goes the other way round", () => {
  expect(orderOfRound(["a", "b", "c"], 0)).toEqual(["a", "b", "c"]);
  expect(orderOfRound(["a", "b", "c"], 1)).toEqual(["c", "b", "a"]);
  expect(orderOfRound(["a", "b", "c"], 2)).toEqual(["a", "b", "c"]);
});

describe("Samples", () => {
  test("makes ratios within rounds, so that a slow minute of the machine does not count against anybody", () => {
    const samples = new Samples();
    for (const [round, speed] of [1, 0.25, 1].entries()) {
      samples.add("rate", "ours", round, 1000 * speed);
      samples.add("rate", "peer", round, 100 * speed);
    }
    expect(samples.ratios("rate", "ours", "peer", "more")).toEqual([10, 10, 10]);
  });

  test("leaves out a round in which one of both is missing", () => {
    const samples = new Samples();
    samples.add("rate", "ours", 0, 10);
    samples.add("rate", "ours", 1, 20);
    samples.add("rate", "peer", 1, 10);
    expect(samples.ratios("rate", "ours", "peer", "more")).toEqual([2]);
    expect(samples.values("rate", "ours")).toEqual([10, 20]);
  });

  test("has nothing of those it does not know", () => {
    const samples = new Samples();
    expect(samples.values("rate", "ours")).toEqual([]);
    expect(samples.contenders("rate")).toEqual([]);
    expect(samples.ratios("rate", "ours", "peer", "more")).toEqual([]);
    expect(samples.failure("rate", "ours")).toBeUndefined();
  });

  test("keeps the first reason of a failure", () => {
    const samples = new Samples();
    samples.fail("rate", "peer", "it crashed");
    samples.fail("rate", "peer", "it is gone");
    expect(samples.failure("rate", "peer")).toBe("it crashed");
    expect(samples.failure("rate", "ours")).toBeUndefined();
  });
});
