import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { BackendShares } from "./backend-shares.ts";

/** Calls that stay open until they are released. */
function held(most: number) {
  const shed: string[] = [];
  const shares = new BackendShares(most, (peer) => shed.push(peer));
  const release = Promise.withResolvers<void>();
  const open = (peer: string, kind: "read" | "change", count: number) =>
    Promise.allSettled(Array.from({ length: count }, () => shares.during(peer, kind, () => release.promise)));
  return { shares, shed, release, open };
}

describe("a backend's share", () => {
  it("keeps its last part for calls that change something", async () => {
    const { shed, release, open } = held(10);
    const reads = open("slow", "read", 9);
    const changes = open("slow", "change", 3);
    expect(shed).toEqual(["slow", "slow"]);
    release.resolve();
    expect((await reads).filter(({ status }) => status === "fulfilled").length).toBe(8);
    const refused = (await changes).filter((result) => result.status === "rejected");
    expect(refused.map(({ reason }) => reason.code)).toEqual([Code.Unavailable]);
  });

  it("takes nothing from other backends, and is free again when its calls have ended, however they end", async () => {
    const { shares, shed, release, open } = held(1);
    const slow = open("slow", "change", 2);
    await expect(shares.during("other", "change", () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    expect(await shares.during("other", "read", async () => "answered")).toBe("answered");
    release.resolve();
    await slow;
    expect(await shares.during("slow", "read", async () => "answered")).toBe("answered");
    expect(shed).toEqual(["slow"]);
  });
});
