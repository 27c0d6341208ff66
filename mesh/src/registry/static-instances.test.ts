import { describe, expect, test } from "vitest";
import { endpointOf } from "./registry.ts";
import { parseStaticInstances, staticInstance } from "./static-instances.ts";

describe("parseStaticInstances", () => {
  test("reads names with one or more addresses", () => {
    const parsed = parseStaticInstances(
      " auth-service=10.0.0.1:9000, user-service=users.internal:12000,auth-service=[::1]:9004,",
    );
    expect([...parsed].map(([name, instances]) => [name, instances.map(endpointOf)])).toEqual([
      ["auth-service", ["10.0.0.1:9000", "[::1]:9004"]],
      ["user-service", ["users.internal:12000"]],
    ]);
  });

  test("reads nothing from nothing", () => {
    expect(parseStaticInstances("").size).toBe(0);
  });

  test.each([
    "auth-service",
    "auth-service=host",
    "auth-service=host:0",
    "auth-service=host:65536",
    "a=b:c",
    "=h:1",
    "Auth=h:1",
  ])("refuses %s, naming it and the form", (text) => {
    expect(() => parseStaticInstances(`user-service=h:1,${text}`)).toThrow(
      `WEFT_PEERS holds "${text}"; write name=host:grpcPort`,
    );
  });
});

describe("endpointOf", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1:9000"],
    ["::1", "[::1]:9000"],
    ["[::1]", "[::1]:9000"],
    ["auth.internal", "auth.internal:9000"],
  ])("writes %s as %s", (address, endpoint) => {
    expect(endpointOf(staticInstance("auth-service", address, 9000))).toBe(endpoint);
  });
});
