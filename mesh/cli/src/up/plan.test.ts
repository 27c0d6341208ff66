import { describe, expect, test } from "vitest";
import type { ServiceDefinition } from "../workspace/workspace.ts";
import { parseInstances, planUp } from "./plan.ts";

const service = (name: string, basePort: number, startAfter: string[] = []): ServiceDefinition => ({
  ...{ service: name, basePort, startAfter, version: "", portsPerInstance: 4 },
  ...{ entry: "/x/main.ts", directory: "/x", database: null },
});

const services = [
  service("gateway-service", 8000),
  service("auth-service", 9000),
  service("user-service", 12_000, ["auth-service"]),
];

describe("planUp", () => {
  test("gives every instance its block of ports, shifted by the offset", () => {
    const plan = planUp(services, { portOffset: 100, instances: new Map([["auth", 2]]) });
    const ports = plan.processes
      .filter(({ definition }) => definition.service === "auth-service")
      .map((one) => one.ports);
    expect(ports).toEqual([
      { grpc: 9100, http: 9101, metrics: 9102, health: 9103 },
      { grpc: 9104, http: 9105, metrics: 9106, health: 9107 },
    ]);
    expect(plan.entranceUrl).toBe("http://127.0.0.1:8100");
    expect(planUp(services, { portOffset: 0, entranceScheme: "https" }).entranceUrl).toBe("https://127.0.0.1:8000");
  });

  test("starts services after those they name, and stops the entrance first", () => {
    const plan = planUp(services, { portOffset: 0 });
    expect(plan.startGroups).toEqual([["gateway-service", "auth-service"], ["user-service"]]);
    expect(plan.stopGroups).toEqual([["gateway-service"], ["user-service"], ["auth-service"]]);
  });

  test("takes a service that is not chosen for ready", () => {
    const plan = planUp(services, { portOffset: 0, only: ["user"] });
    expect(plan.startGroups).toEqual([["user-service"]]);
    expect(plan.entranceUrl).toBe("http://127.0.0.1:12000");
  });

  test("fits fewer instances where a service takes larger blocks", () => {
    const wide = [{ ...service("gateway-service", 8000), portsPerInstance: 10 }];
    const plan = planUp(wide, { portOffset: 0, instances: new Map([["gateway", 2]]) });
    expect(plan.processes[1]?.ports.grpc).toBe(8010);
    expect(() => planUp(wide, { portOffset: 0, instances: new Map([["gateway", 3]]) })).toThrow(/1 to 2 instances/);
  });

  test.each([
    ["a name that is no service", { only: ["nobody"] }, /"nobody" is no service here/],
    ["no instance at all", { instances: new Map([["auth", 0]]) }, /1 to 5 instances/],
    [
      "instances of a service that is not chosen",
      { only: ["user"], instances: new Map([["auth", 2]]) },
      /"auth" is no service here/,
    ],
  ])("refuses %s", (_, options, message) => {
    expect(() => planUp(services, { portOffset: 0, ...options })).toThrow(message);
  });

  test("refuses services that wait for each other", () => {
    const circle = [service("a", 1000, ["b"]), service("b", 2000, ["a"])];
    expect(() => planUp(circle, { portOffset: 0 })).toThrow(/a, b form a circle/);
  });
});

describe("parseInstances", () => {
  test("reads counts by service", () => {
    expect(parseInstances("auth=2, user-service=3")).toEqual(
      new Map([
        ["auth", 2],
        ["user-service", 3],
      ]),
    );
  });

  test("refuses anything else", () => {
    expect(() => parseInstances("auth:2")).toThrow(/--instances holds "auth:2"/);
  });
});
