import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { evaluateTrees, fitTrees } from "./boosted-trees.ts";

const options = { trees: 80, depth: 2, learningRate: 0.2, leafRows: 3, shrinkage: 0.1, largestError: Infinity };
const random = new RandomStream(1, "rows");
const rows = Array.from({ length: 200 }, () => [random.uniform(), random.uniform(), random.uniform()]);
const truth = ([a = 0, b = 0]: readonly number[]) => (a > 0.5 ? 2 : 0) + (b > 0.3 && a > 0.5 ? 1 : 0);

describe("boosted trees", () => {
  test("learn steps and how two features act together", () => {
    const model = fitTrees(rows, rows.map(truth), options);
    const away = rows.filter(([a = 0, b = 0]) => Math.abs(a - 0.5) > 0.03 && Math.abs(b - 0.3) > 0.03);
    for (const row of away) expect(Math.abs(evaluateTrees(model, row) - truth(row))).toBeLessThan(0.05);
  });

  test("are the same after a way through JSON, and from one fit to the next", () => {
    const model = fitTrees(rows, rows.map(truth), options);
    expect(JSON.parse(JSON.stringify(model))).toEqual(model);
    expect(fitTrees(rows, rows.map(truth), options)).toEqual(model);
  });

  test("answer a constant with that constant", () => {
    const model = fitTrees(
      rows,
      rows.map(() => 3),
      options,
    );
    expect(evaluateTrees(model, [9, -9, 0])).toBe(3);
  });

  test("do not cut off fewer rows than a leaf must have", () => {
    const values = rows.map((_, row) => (row === 7 ? 100 : 0));
    const model = fitTrees(rows, values, {
      ...options,
      trees: 1,
      depth: 1,
      leafRows: 50,
      learningRate: 1,
      shrinkage: 0,
    });
    expect(Math.max(...model.leaves)).toBeLessThanOrEqual(100 / 50);
  });
});
