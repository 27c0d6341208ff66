import { describe, expect, test } from "vitest";
import { Priorities } from "./priority.ts";

const priorities = new Priorities({
  methods: { "weft.auth.v1.AuthService/ValidateToken": 0 },
  callers: { "gateway-service": 1, "report-service": 3 },
  default: 2,
});

describe("the priority of a call", () => {
  test.each([
    ["its method's, whoever calls", "weft.auth.v1.AuthService/ValidateToken", "report-service", 0],
    ["its caller's, when the method has none", "weft.auth.v1.AuthService/Login", "gateway-service", 1],
    ["the default for other callers", "weft.auth.v1.AuthService/Login", "user-service", 2],
    ["the default for callers without a name", "weft.auth.v1.AuthService/Login", undefined, 2],
  ])("is %s", (_what, method, caller, expected) => {
    expect(priorities.of(method, caller)).toBe(expected);
  });

  test("is 2 when nothing is declared", () => {
    expect(new Priorities({}).of("a.B/C", "gateway-service")).toBe(2);
  });
});

describe("a declared method", () => {
  test("has to be served", () => {
    const served = new Set(["weft.auth.v1.AuthService/Login"]);
    expect(() => priorities.assertMethods(served)).toThrow(/ValidateToken, which is not served/);
    expect(() =>
      new Priorities({ methods: { "weft.auth.v1.AuthService/Login": 1 } }).assertMethods(served),
    ).not.toThrow();
  });
});
