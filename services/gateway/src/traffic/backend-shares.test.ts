import type { ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { BackendShares } from "./backend-shares.ts";

/** Shares of `most` calls, and how many places of a kind somebody gets who asks `count` times. */
function sharesOf(most: number) {
  const shed: string[] = [];
  const shares = new BackendShares(most, (peer) => shed.push(peer));
  const entered = (peer: string, kind: "read" | "change", count: number) => {
    let places = 0;
    for (let asked = 0; asked < count; asked += 1) {
      try {
        shares.enter(peer, kind);
        places += 1;
      } catch (error) {
        expect((error as ConnectError).message).toMatch(/^\[unavailable\] slow has more calls open/);
      }
    }
    return places;
  };
  return { shares, shed, entered };
}

describe("a backend's share", () => {
  it("keeps its last part for calls that change something", () => {
    const { shed, entered } = sharesOf(10);
    expect(entered("slow", "read", 9)).toBe(8);
    expect(entered("slow", "change", 3)).toBe(2);
    expect(shed).toEqual(["slow", "slow"]);
  });

  it("takes nothing from other backends, and is free again when its calls have ended", () => {
    const { shares, shed, entered } = sharesOf(1);
    expect(entered("slow", "change", 2)).toBe(1);
    expect(entered("other", "read", 1)).toBe(1);
    shares.leave("slow");
    expect(entered("slow", "read", 1)).toBe(1);
    expect(shed).toEqual(["slow"]);
  });
});
