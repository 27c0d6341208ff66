import { describe, expect, test } from "vitest";
import type { Distribution } from "./architecture.ts";
import { momentsOf } from "./distribution-moments.ts";
import { boundedPareto } from "./distribution-shapes.ts";

/** The textbook's moments of a bounded Pareto distribution between two ends, for exponents that are not the order. */
function textbookMoment(order: number, tailIndex: number, lowMs: number, highMs: number): number {
  const scale = (tailIndex * lowMs ** tailIndex) / (1 - (lowMs / highMs) ** tailIndex);
  return (scale * (lowMs ** (order - tailIndex) - highMs ** (order - tailIndex))) / (tailIndex - order);
}

describe("momentsOf", () => {
  test.each([
    [{ kind: "constant", meanMs: 5, cv: 3 }, 0],
    [{ kind: "exponential", meanMs: 5, cv: 3 }, 1],
    [{ kind: "erlang", meanMs: 5, cv: 0.58 }, Math.sqrt(1 / 3)],
    [{ kind: "erlang", meanMs: 5, cv: 0 }, 0],
    [{ kind: "gamma", meanMs: 5, cv: 0.58 }, 0.58],
    [{ kind: "lognormal", meanMs: 5, cv: 2 }, 2],
    [{ kind: "hyperexponential", meanMs: 5, cv: 2 }, 2],
  ] as const)("%j has the mean given and a cv of %f", (distribution, cv) => {
    expect(momentsOf(distribution)).toEqual({ meanMs: 5, cv });
  });

  test.each([0.1, 0.5, 0.999_999, 1.000_001, 1.5, 2.000_001, 2.5, 10, 100])(
    "a bounded Pareto distribution of index %f has exactly the mean asked for, and the cv of the textbook",
    (tailIndex) => {
      const distribution: Distribution = { kind: "pareto", meanMs: 10, cv: 1, tailIndex, maxMs: 400 };
      const { maxMs, logRange } = boundedPareto(distribution);
      const lowMs = maxMs * Math.exp(logRange);
      expect(maxMs).toBe(400);
      expect(textbookMoment(1, tailIndex, lowMs, maxMs) / 10).toBeCloseTo(1, 7);
      const square = textbookMoment(2, tailIndex, lowMs, maxMs);
      expect(momentsOf(distribution).cv / Math.sqrt(square / 100 - 1)).toBeCloseTo(1, 7);
    },
  );

  test("indices of exactly 1 and 2, where the textbook's form divides by 0, lie between their neighbours", () => {
    for (const tailIndex of [1, 2]) {
      const cvAt = (index: number) => momentsOf({ kind: "pareto", meanMs: 10, cv: 1, tailIndex: index, maxMs: 400 }).cv;
      expect(cvAt(tailIndex)).toBeLessThan(cvAt(tailIndex - 1e-6));
      expect(cvAt(tailIndex)).toBeGreaterThan(cvAt(tailIndex + 1e-6));
    }
  });

  test("an index of 1 has the mean that its integral gives", () => {
    const { logRange } = boundedPareto({ kind: "pareto", meanMs: 10, cv: 1, tailIndex: 1, maxMs: 1000 });
    expect(1000 * Math.exp(logRange)).toBeCloseTo(1.5421150749, 9);
  });

  test("an empirical distribution has the mean and cv of its bins, whatever mean is written beside them", () => {
    const points = [
      { upToMs: 10, weight: 30 },
      { upToMs: 30, weight: 10 },
    ];
    const { meanMs, cv } = momentsOf({ kind: "empirical", meanMs: 99, cv: 9, points });
    // Means of the bins: 5 and 20. Mean squares: 100/3 and 1300/3.
    expect(meanMs).toBeCloseTo(8.75, 12);
    expect(cv).toBeCloseTo(Math.sqrt(400 / 3 - 8.75 ** 2) / 8.75, 12);
  });

  test("nothing varies when the mean is 0", () => {
    expect(momentsOf({ kind: "pareto", meanMs: 0, cv: 1 })).toEqual({ meanMs: 0, cv: 0 });
    expect(momentsOf({ kind: "empirical", meanMs: 1, cv: 1, points: [{ upToMs: 0, weight: 1 }] })).toEqual({
      meanMs: 0,
      cv: 0,
    });
  });
});
