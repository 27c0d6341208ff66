import { describe, expect, it } from "vitest";
import { decideDelivery } from "./delivery-policy.ts";

const calm = {
  replaceable: true,
  bufferedBytes: 0,
  softBytes: 100,
  hardBytes: 1000,
  sinceLastMs: Number.POSITIVE_INFINITY,
  intervalMs: 0,
};

describe("decideDelivery", () => {
  it("sends to a reader that keeps up", () => {
    expect(decideDelivery({ ...calm, bufferedBytes: 100 })).toEqual({ action: "send" });
  });

  it("holds a replaceable message for a reader that is behind", () => {
    expect(decideDelivery({ ...calm, bufferedBytes: 101 })).toEqual({ action: "hold" });
  });

  it("queues a message that nothing replaces until the hard limit", () => {
    expect(decideDelivery({ ...calm, replaceable: false, bufferedBytes: 1000 })).toEqual({ action: "send" });
    expect(decideDelivery({ ...calm, replaceable: false, bufferedBytes: 1001 })).toEqual({ action: "close" });
  });

  it("waits for the rest of the interval that the subscriber asked for", () => {
    expect(decideDelivery({ ...calm, sinceLastMs: 40, intervalMs: 100 })).toEqual({ action: "wait", waitMs: 60 });
    expect(decideDelivery({ ...calm, sinceLastMs: 100, intervalMs: 100 })).toEqual({ action: "send" });
  });
});
