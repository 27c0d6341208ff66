import { describe, expect, test } from "vitest";
import { priorityOf } from "./priority.ts";

describe("priorityOf", () => {
  test("ranks as POOL-07 says, with everyone else between simulation and gateway", () => {
    const names = ["gateway-service", "chat-service", "simulation-service", "project-service", "auth-service"];
    expect(names.map((name) => priorityOf(name))).toEqual([4, 3, 2, 1, 0]);
  });

  test("takes another order, at whose end those stand whom it does not name", () => {
    expect(["b", "a", "z"].map((name) => priorityOf(name, ["a", "b"]))).toEqual([1, 0, 2]);
    expect(["b", "a", "z"].map((name) => priorityOf(name, ["*", "a", "b"]))).toEqual([2, 1, 0]);
  });
});
