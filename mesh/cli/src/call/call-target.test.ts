import type { Instance } from "@weft/mesh/registry";
import { describe, expect, test } from "vitest";
import { findInstances, instancesMatching, parseTarget } from "./call-target.ts";

const instance = (instanceId: string, services: string[], change: Partial<Instance> = {}): Instance => ({
  ...{
    name: "x",
    instanceId,
    version: "",
    address: "127.0.0.1",
    ports: { grpc: 1 },
    status: "ready",
    health: "healthy",
  },
  ...{ services, zone: "", startedAtMs: 0, timestamp: 0, ...change },
});

describe("parseTarget", () => {
  test.each([
    ["AuthService/Login", { service: "AuthService", method: "Login" }],
    ["weft.auth.v1.AuthService/Login", { service: "weft.auth.v1.AuthService", method: "Login" }],
    ["weft.auth.v1.AuthService.Login", { service: "weft.auth.v1.AuthService", method: "Login" }],
    ["/weft.auth.v1.AuthService/Login", { service: "weft.auth.v1.AuthService", method: "Login" }],
  ])("reads %s", (text, target) => {
    expect(parseTarget(text)).toEqual(target);
  });

  test.each(["Login", "", "a/b/c", "a/"])("refuses %j", (text) => {
    expect(() => parseTarget(text)).toThrow(/names no method/);
  });
});

describe("findInstances", () => {
  test("prefers ready and healthy instances", () => {
    const sick = instance("sick", ["p.A"], { health: "unhealthy" });
    const leaving = instance("leaving", ["p.A"], { status: "draining" });
    const well = instance("well", ["p.A"]);
    const found = findInstances([leaving, sick, well], "A");
    expect(found.typeName).toBe("p.A");
    expect(found.instances.map(({ instanceId }) => instanceId)).toEqual(["well", "sick", "leaving"]);
  });

  test("prefers the service itself to a gateway in front of several", () => {
    const found = findInstances([instance("gateway", ["p.A", "p.B"]), instance("own", ["p.A"])], "A");
    expect(found.instances[0]?.instanceId).toBe("own");
  });

  test("leaves only the instances of the one asked for", () => {
    const both = [instance("gateway-1", ["p.A", "p.B"], { name: "gateway-service" }), instance("own", ["p.A"])];
    expect(instancesMatching(both, "gateway").map(({ instanceId }) => instanceId)).toEqual(["gateway-1"]);
    expect(instancesMatching(both, "own").map(({ instanceId }) => instanceId)).toEqual(["own"]);
    expect(() => instancesMatching(both, "nobody")).toThrow(/there is no instance "nobody"/);
  });

  test("asks to choose when a short name fits several services, unless it is written out", () => {
    const both = [instance("1", ["p.A"]), instance("2", ["q.A"])];
    expect(() => findInstances(both, "A")).toThrow(/"A" fits several services/);
    expect(findInstances(both, "q.A").instances).toHaveLength(1);
  });

  test("says that no instance serves an unknown service", () => {
    expect(() => findInstances([instance("1", ["p.A"])], "B")).toThrow(/no registered instance serves "B"/);
  });
});
