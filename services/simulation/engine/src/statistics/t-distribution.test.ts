import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalQuantile, studentQuantile } from "./t-distribution.ts";

describe("studentQuantile", () => {
  // Computed with 40 digits from the incomplete beta function; they agree with printed tables.
  const probabilities = [0.75, 0.95, 0.975, 0.995, 0.9995];
  test.each([
    [1, [1, 6.313751514675038, 12.706204736174692, 63.656741162871526, 636.6192487687898]],
    [2, [0.816496580927726, 2.9199855803537242, 4.302652729749462, 9.924843200918287, 31.59905457644536]],
    [5, [0.7266868438004226, 2.0150483733330233, 2.570581835636315, 4.032142983555228, 6.868826625881275]],
    [10, [0.6998120613124316, 1.8124611228116758, 2.2281388519862744, 3.169272672616951, 4.5868938587027]],
    [19, [0.6876214602039603, 1.729132811521369, 2.093024054408309, 2.860934606464979, 3.883405852592131]],
    [30, [0.6827556933212926, 1.6972608865939574, 2.042272456301238, 2.749995653567225, 3.645958635042063]],
    [100, [0.6769510430114715, 1.6602343260853392, 1.983971518523552, 2.6258905214380177, 3.390491311164263]],
    [1000, [0.6747351646070094, 1.6463788172854643, 1.962339080826408, 2.5807546980659506, 3.300282648423944]],
  ])("agrees with tables at %i degrees of freedom", (degreesOfFreedom, expected) => {
    probabilities.forEach((probability, index) => {
      const exact = expected[index] as number;
      expect(Math.abs(studentQuantile(probability, degreesOfFreedom) / exact - 1)).toBeLessThan(1e-11);
    });
  });

  test("is the tangent at one degree of freedom, for any probability", () => {
    const exact = (probability: number) => Math.tan(Math.PI * (probability - 0.5));
    for (const probability of [1e-6, 0.01, 0.3, 0.499, 0.77, 0.999]) {
      expect(studentQuantile(probability, 1) / exact(probability)).toBeCloseTo(1, 9);
    }
    const besideTheMiddle = 0.5 + 2 ** -30;
    expect(studentQuantile(besideTheMiddle, 1)).toBeCloseTo(exact(besideTheMiddle), 15);
    expect(studentQuantile(1e-300, 1) * -Math.PI * 1e-300).toBeCloseTo(1, 10);
  });

  test("has its closed form at two degrees of freedom", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }), (p) => {
        const exact = (2 * p - 1) / Math.sqrt(2 * p * (1 - p));
        expect(Math.abs(studentQuantile(p, 2) - exact)).toBeLessThan(1e-8 * Math.max(1, Math.abs(exact)));
      }),
    );
  });

  test("is symmetric, rises with the probability, and falls towards the normal with the degrees of freedom", () => {
    const steps = fc.integer({ min: 513, max: 1022 });
    fc.assert(
      fc.property(steps, fc.double({ min: 1, max: 2e5, noNaN: true }), (step, degreesOfFreedom) => {
        const t = studentQuantile(step / 1024, degreesOfFreedom);
        expect(studentQuantile(1 - step / 1024, degreesOfFreedom)).toBe(-t);
        expect(studentQuantile((step + 1) / 1024, degreesOfFreedom)).toBeGreaterThan(t);
        expect(studentQuantile(step / 1024, degreesOfFreedom * 1.5)).toBeLessThan(t);
        expect(normalQuantile(step / 1024)).toBeLessThan(t);
      }),
    );
    expect(studentQuantile(0.5, 7)).toBe(0);
  });

  test("goes over into the normal without a jump", () => {
    expect(studentQuantile(0.975, 99_999) / 1.9599877077718444).toBeCloseTo(1, 11);
    for (const probability of [0.6, 0.975, 0.99999]) {
      const [before, after] = [studentQuantile(probability, 99_999.999), studentQuantile(probability, 100_000)];
      expect(Math.abs(before / after - 1)).toBeLessThan(1e-11);
    }
    expect(studentQuantile(0.975, Number.POSITIVE_INFINITY)).toBe(normalQuantile(0.975));
  });

  test("refuses what is no probability and too few degrees of freedom", () => {
    for (const probability of [0, 1, -0.1, 1.1, Number.NaN]) {
      expect(() => studentQuantile(probability, 5)).toThrow("probability");
    }
    for (const degreesOfFreedom of [0, 0.5, -1, Number.NaN]) {
      expect(() => studentQuantile(0.9, degreesOfFreedom)).toThrow("degreesOfFreedom");
    }
  });
});

describe("normalQuantile", () => {
  test.each([
    [0.6, 0.2533471031357997],
    [0.92, 1.4050715603096329],
    [0.975, 1.959963984540054],
    [0.99, 2.3263478740408408],
    [1e-300, -37.0470962993612],
  ])("agrees with tables at %f", (probability, exact) => {
    expect(normalQuantile(probability) / exact).toBeCloseTo(1, 13);
  });
});
