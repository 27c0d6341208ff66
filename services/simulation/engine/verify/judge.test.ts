import { describe, expect, test } from "vitest";
import type { Figure } from "./case.ts";
import { judge } from "./judge.ts";

const figure = (given: Partial<Figure>): Figure => {
  return { name: "x", unit: "", exact: 100, precision: 0.02, read: () => 0, ...given };
};
/** Mean 101, standard error 0.5. */
const values = Array.from({ length: 16 }, (_, index) => 101 + (index % 2 === 0 ? 1 : -1) * Math.sqrt(3.75));

describe("judge", () => {
  test("measures the difference in standard errors", () => {
    expect(judge(figure({}), values)).toMatchObject({ verdict: "ok" });
    expect(judge(figure({}), values).z).toBeCloseTo(2, 6);
    expect(judge(figure({}), values).precision).toBeCloseTo(0.005, 9);
  });

  test("finds a mean of more than 4 standard errors beside the exact value off", () => {
    expect(judge(figure({ exact: 98.9 }), values).verdict).toBe("off");
    expect(judge(figure({ exact: 103.1 }), values).verdict).toBe("off");
  });

  test("finds a run that is too short to disagree imprecise", () => {
    expect(judge(figure({ precision: 0.004 }), values).verdict).toBe("imprecise");
  });

  test("lets a stated bias and the error of the reference pass", () => {
    expect(judge(figure({ bias: 0.01 }), values).z).toBeCloseTo(0, 6);
    expect(judge(figure({ exact: 98, bias: 0.011 }), values).verdict).toBe("ok");
    expect(judge(figure({ exact: 98, exactError: 1 }), values).verdict).toBe("ok");
  });

  test("asks figures without chance for the exact value", () => {
    const exactly = figure({ precision: 0 });
    expect(judge(exactly, [100, 100, 100])).toMatchObject({ verdict: "ok", z: 0 });
    expect(judge(exactly, [100.001, 100.001, 100.001]).verdict).toBe("off");
    expect(judge(exactly, [99, 100, 101]).verdict).toBe("imprecise");
    expect(judge(figure({ exact: 0, precision: 0 }), [0, 0]).verdict).toBe("ok");
  });

  test("finds what is no number off", () => {
    expect(judge(figure({}), [100, Number.NaN]).verdict).toBe("off");
  });
});
