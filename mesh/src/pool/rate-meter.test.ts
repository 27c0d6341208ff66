import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RateMeter } from "./rate-meter.ts";

describe("RateMeter", () => {
  test("counts nothing at first", () => {
    expect(new RateMeter().perSecond(123_456)).toBe(0);
  });

  test("counts the events of the last second and forgets older ones", () => {
    const meter = new RateMeter();
    for (let nowMs = 0; nowMs < 2000; nowMs += 10) {
      meter.mark(nowMs);
    }
    expect(meter.perSecond(1999)).toBe(100);
    expect(meter.perSecond(2450)).toBe(50);
    expect(meter.perSecond(3000)).toBe(0);
  });

  test("forgets everything over a long pause", () => {
    const meter = new RateMeter();
    meter.mark(50);
    expect(meter.perSecond(3_600_000)).toBe(0);
    meter.mark(3_600_001);
    expect(meter.perSecond(3_600_001)).toBe(1);
  });

  test("agrees with a count over ten slots of 100 ms, whatever the traffic", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(700), { maxLength: 60 }), (gapsMs) => {
        const meter = new RateMeter();
        const events: number[] = [];
        let nowMs = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          meter.mark(nowMs);
          events.push(nowMs);
        }
        const slot = Math.floor(nowMs / 100);
        expect(meter.perSecond(nowMs)).toBe(events.filter((at) => Math.floor(at / 100) > slot - 10).length);
      }),
    );
  });
});
