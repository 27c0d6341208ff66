import { expect, test } from "vitest";
import { LogLimit } from "./log-limit.ts";

test("lets one through per interval and tells how many it kept back", () => {
  const limit = new LogLimit(1000);
  expect(limit.take(0)).toBe(0);
  expect([limit.take(0), limit.take(400), limit.take(999)]).toEqual([undefined, undefined, undefined]);
  expect(limit.take(1000)).toBe(3);
  expect(limit.take(5000)).toBe(0);
});
