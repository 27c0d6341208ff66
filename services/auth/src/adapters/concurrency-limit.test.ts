import { describe, expect, test } from "vitest";
import { createConcurrencyLimit } from "./concurrency-limit.ts";

describe("createConcurrencyLimit", () => {
  test("runs no more than the limit at once, and everything in the end", async () => {
    const limited = createConcurrencyLimit(2, 10);
    let running = 0;
    let most = 0;
    const work = async (value: number) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return value;
    };
    const results = await Promise.all(Array.from({ length: 12 }, (_, value) => limited(() => work(value))));
    expect(results).toEqual(Array.from({ length: 12 }, (_, value) => value));
    expect(most).toBe(2);
  });

  test("refuses what finds the queue full, and frees its place when work fails", async () => {
    const limited = createConcurrencyLimit(1, 1);
    let fail: (error: Error) => void = () => undefined;
    const first = limited(() => new Promise<never>((_, reject) => (fail = reject)));
    const second = limited(async () => "second");
    await expect(limited(async () => "third")).rejects.toMatchObject({ kind: "busy" });
    fail(new Error("broken"));
    await expect(first).rejects.toThrow("broken");
    await expect(second).resolves.toBe("second");
    await expect(limited(async () => "fourth")).resolves.toBe("fourth");
  });
});
