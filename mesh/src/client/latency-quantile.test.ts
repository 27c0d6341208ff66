import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { LatencyQuantile } from "./latency-quantile.ts";

const random = seededRandom(11);

/** Latencies as services have them: most near the median, a long tail. */
function latency(medianMs: number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return medianMs * Math.exp(spread * normal);
}

function exact(values: readonly number[], quantile: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * quantile) - 1] as number;
}

describe("LatencyQuantile", () => {
  test("does not guess before there were enough calls", () => {
    const estimate = new LatencyQuantile(0.95);
    for (let call = 0; call < 31; call += 1) {
      estimate.observe(5);
    }
    expect(estimate.valueMs).toBeUndefined();
    estimate.observe(5);
    expect(estimate.valueMs).toBeCloseTo(5, 0);
  });

  test.each([
    { quantile: 0.5, medianMs: 0.2, spread: 0.3 },
    { quantile: 0.95, medianMs: 0.2, spread: 1 },
    { quantile: 0.95, medianMs: 5, spread: 0.5 },
    { quantile: 0.99, medianMs: 5, spread: 1 },
    { quantile: 0.9, medianMs: 800, spread: 0.7 },
  ])("is close to the exact $quantile of $medianMs ms, spread $spread", ({ quantile, medianMs, spread }) => {
    const estimate = new LatencyQuantile(quantile);
    const values = Array.from({ length: 4064 }, () => latency(medianMs, spread));
    for (const value of values) {
      estimate.observe(value);
    }
    expect((estimate.valueMs as number) / exact(values, quantile)).toBeGreaterThan(0.94);
    expect((estimate.valueMs as number) / exact(values, quantile)).toBeLessThan(1.06);
  });

  test("follows when the latency changes", () => {
    const estimate = new LatencyQuantile(0.95);
    for (let call = 0; call < 50_000; call += 1) {
      estimate.observe(latency(100, 0.2));
    }
    const quick: number[] = [];
    for (let call = 0; call < 40_000; call += 1) {
      quick.push(latency(2, 0.2));
      estimate.observe(quick[call] as number);
    }
    expect((estimate.valueMs as number) / exact(quick, 0.95)).toBeCloseTo(1, 1);
  });

  test("keeps to its ends whatever comes", () => {
    const estimate = new LatencyQuantile(0.5);
    for (const value of [0, -1, 1e-9, Number.NaN]) {
      for (let call = 0; call < 32; call += 1) {
        estimate.observe(value);
      }
    }
    expect(estimate.valueMs).toBeLessThan(0.07);
    for (let call = 0; call < 4096; call += 1) {
      estimate.observe(1e12);
    }
    expect(estimate.valueMs).toBeGreaterThan(60_000);
  });
});
