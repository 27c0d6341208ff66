import { expect, test } from "vitest";
import { MeshError } from "./errors.ts";
import { withoutStack } from "./without-stack.ts";

const framesOf = (error: Error): number => error.stack?.split("\n    at ").slice(1).length ?? 0;

test("the error has no frames, later ones have", () => {
  const bare = withoutStack(() => new Error("bare"));
  expect([bare.message, framesOf(bare)]).toEqual(["bare", 0]);
  expect(framesOf(new Error("later"))).toBeGreaterThan(0);
});

test("what fails in the making has none either, later ones have", () => {
  expect(() =>
    withoutStack(() => {
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(framesOf(new Error("later"))).toBeGreaterThan(0);
});

test("mesh errors that end calls have none, those that end programs have", () => {
  expect(framesOf(new MeshError("QUEUE_FULL"))).toBe(0);
  expect(framesOf(new MeshError("CONNECTION_LOST", "detail"))).toBe(0);
  expect(framesOf(new MeshError("PEER_UNDECLARED"))).toBeGreaterThan(0);
  expect(framesOf(new MeshError("PROTOCOL_ERROR"))).toBeGreaterThan(0);
});
