import { describe, expect, test } from "vitest";
import { type RegisterInput, recordFrom } from "./register-command.ts";

const input = (change: Partial<RegisterInput> = {}): RegisterInput => ({
  ...{
    service: "billing-service",
    address: "host:9000",
    services: "",
    id: undefined,
    ports: "",
    version: "",
    nowMs: 5,
  },
  ...change,
});

describe("recordFrom", () => {
  test("reads host and port, also of IPv6", () => {
    expect(recordFrom(input())).toMatchObject({ address: "host", ports: { grpc: 9000 }, startedAtMs: 5, timestamp: 5 });
    expect(recordFrom(input({ address: "[::1]:9000" }))).toMatchObject({ address: "::1", ports: { grpc: 9000 } });
  });

  test.each([
    [{ service: "Billing!" }, /"Billing!" is no service name/],
    [{ address: "host" }, /"host" is no address/],
    [{ address: "host:70000" }, /port 70000; ports go from 1 to 65535/],
    [{ ports: "health" }, /--ports holds "health"/],
  ])("refuses %j", (change, message) => {
    expect(() => recordFrom(input(change))).toThrow(message);
  });
});
