import { seededRandom } from "@weft/mesh";
import { describe, expect, it } from "vitest";
import { reconnectDelayMs } from "./reconnect-delay.ts";

describe("reconnectDelayMs", () => {
  it.each([
    [1, 1000],
    [10_000, 10_000],
    [1_000_000, 30_000],
  ])("spreads %i clients evenly over %i ms", (connections, spreadMs) => {
    const random = seededRandom(11);
    const delays = Array.from({ length: 4000 }, () => reconnectDelayMs(connections, random));
    const thirds = [0, 0, 0];
    for (const delay of delays) {
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThan(spreadMs);
      const third = Math.floor((3 * delay) / spreadMs);
      thirds[third] = (thirds[third] ?? 0) + 1;
    }
    // Binomial with n = 4000 and p = 1/3: four standard errors are 120.
    for (const count of thirds) {
      expect(Math.abs(count - 4000 / 3)).toBeLessThan(120);
    }
  });
});
