import { describe, expect, test } from "vitest";
import { RetryHint } from "./retry-hint.ts";

describe("the retry hint", () => {
  test("is what serving the refused and the waiting takes at the present rate, with jitter", () => {
    const hint = new RetryHint();
    hint.ended(1000, 1000);
    for (let call = 0; call < 1900; call += 1) {
      hint.refused();
    }
    expect(hint.afterMs(100, 0.5)).toBe(2000);
    expect([hint.afterMs(100, 0), hint.afterMs(100, 0.999)]).toEqual([1000, 2998]);
  });

  test("shrinks as the overload fades", () => {
    const hint = new RetryHint();
    hint.ended(1000, 1000);
    for (let call = 0; call < 4000; call += 1) {
      hint.refused();
    }
    expect(hint.afterMs(0, 0.5)).toBe(4000);
    hint.ended(1000, 1000);
    expect(hint.afterMs(0, 0.5)).toBeLessThan(1200);
  });

  test("is neither at once nor never", () => {
    const hint = new RetryHint();
    expect(hint.afterMs(0, 0.5)).toBe(50);
    expect(hint.afterMs(1_000_000, 0.5)).toBe(10_000);
  });
});
