import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatEstimate, formatLength, formatQuantity } from "./format.ts";
import { escapeMarkup, fitText, textWidthPx } from "./markup.ts";
import { logScale, scaleFromZero, scaleToEnd } from "./scale.ts";

describe("formatQuantity", () => {
  it.each([
    [182.4, "ms", "182 ms"],
    [0.01234, "ms", "0.0123 ms"],
    [999.9, "ms", "1 s"],
    [12_345, "ms", "12.3 s"],
    [0, "ms", "0 ms"],
    [9.1e-170, "ms", "0 ms"],
    [-3.1e-5, "count", "−3.1e−5"],
    [1234.5, "perSecond", "1230/s"],
    [98_765, "perSecond", "98\u202F800/s"],
    [12_345_678, "perSecond", "12.3 million/s"],
    [0.71428, "share", "71.4 %"],
    [1e-9, "share", "1e−7 %"],
    [3.2e12, "count", "3200 billion"],
    [-0.5, "count", "−0.5"],
    [Number.NaN, "ms", "–"],
  ] as const)("shows %d %s as %s", (value, unit, shown) => {
    expect(formatQuantity(value, unit)).toBe(shown);
  });
});

describe("formatEstimate", () => {
  it("shows the interval in the unit of the value", () => {
    expect(formatEstimate({ value: 1010, low: 980, high: 1040 }, "ms", 20)).toBe("1.01 s (0.98–1.04)");
  });

  it("shows no interval for a single run, when all runs agree, or when it is not known", () => {
    expect(formatEstimate({ value: 0, low: 0, high: 0 }, "share", 20)).toBe("0 %");
    expect(formatEstimate({ value: 5, low: 5, high: 5 }, "ms", 1)).toBe("5 ms");
    expect(formatEstimate({ value: 5, low: Number.NaN, high: 5 }, "ms", 9)).toBe("5 ms");
  });
});

it("formatLength shows minutes and hours from two of them", () => {
  expect([500, 90_000, 300_000, 9_000_000].map(formatLength)).toEqual(["500 ms", "90 s", "5 min", "2.5 h"]);
});

describe("scales", () => {
  it("have few, ascending ticks, all within the range, for any extent", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, noNaN: true }), fc.double({ min: 0, noNaN: true }), (one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        for (const scale of [
          scaleFromZero(high, [0, 100], 4),
          scaleToEnd(high, [0, 100], 6),
          logScale(low, high, [0, 100]),
        ]) {
          expect(scale.ticks.length).toBeGreaterThanOrEqual(2);
          expect(scale.ticks.length).toBeLessThanOrEqual(12);
          const places = scale.ticks.map((tick) => scale.at(tick));
          for (const [index, at] of places.entries()) {
            expect(at).toBeGreaterThanOrEqual(index === 0 ? 0 : (places[index - 1] as number));
            expect(at).toBeLessThanOrEqual(100);
          }
        }
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it("choose steps of 1, 2 or 5 times a power of ten", () => {
    expect(scaleFromZero(131, [0, 1], 4).ticks).toEqual([0, 50, 100, 150]);
    expect(scaleFromZero(0.07, [0, 1], 4).ticks.at(-1)).toBeCloseTo(0.08);
    expect(scaleToEnd(300, [0, 1], 6).ticks).toEqual([0, 50, 100, 150, 200, 250, 300]);
    expect(logScale(5, 100, [0, 1]).ticks).toEqual([5, 10, 20, 50, 100]);
    expect(logScale(5, 700, [0, 1]).ticks).toEqual([10, 30, 100, 300]);
  });

  it("place equal ratios at equal distances on a logarithmic axis", () => {
    const { at } = logScale(1, 100, [0, 200]);
    expect([1, 10, 100, 1000].map(at)).toEqual([0, 100, 200, 200]);
  });
});

describe("text", () => {
  it("is escaped for elements and for attributes", () => {
    expect(escapeMarkup(`<a b="c" d='e'>&\0\uD800`)).toBe("&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\uFFFD\uFFFD");
  });

  it("is shortened to fit, between characters and not within one", () => {
    expect(fitText("orders", 100, 12)).toBe("orders");
    const fitted = fitText("🛒".repeat(40), 100, 12);
    expect(textWidthPx(fitted, 12)).toBeLessThanOrEqual(100);
    expect(fitted).toMatch(/^(🛒)+…$/u);
  });
});
