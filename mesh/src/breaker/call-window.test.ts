import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { CallWindow } from "./call-window.ts";

describe("CallWindow", () => {
  test("counts what a list of all calls would count, to a bucket", () => {
    const random = seededRandom(5);
    const window = new CallWindow(1000);
    const calls: { atMs: number; failed: boolean }[] = [];
    let nowMs = 123_456;
    for (let call = 0; call < 3000; call += 1) {
      nowMs += random.next() < 0.01 ? random.next() * 3000 : random.next() * 20;
      const failed = random.next() < 0.3;
      calls.push({ atMs: nowMs, failed });
      window.add(failed, nowMs);
      const oldestBucketMs = Math.floor(nowMs / 100) * 100 - 900;
      const counted = calls.filter(({ atMs }) => atMs >= oldestBucketMs);
      expect(window.calls).toBe(counted.length);
      expect(window.failures).toBe(counted.filter((one) => one.failed).length);
    }
  });

  test("keeps counting into the newest bucket when time seems to go back", () => {
    const window = new CallWindow(1000);
    window.add(true, 5000);
    window.add(true, 4000);
    expect(window.calls).toBe(2);
    window.advance(5901);
    expect(window.calls).toBe(2);
    window.advance(6001);
    expect(window.calls).toBe(0);
  });
});
