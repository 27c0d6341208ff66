import { describe, expect, test } from "vitest";
import { clientFacts } from "./client-facts.ts";

const facts = (headers: Record<string, string>) => clientFacts(new Headers(headers));

describe("clientFacts", () => {
  test.each([
    ["192.0.2.7", "192.0.2.7"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:0DB8:0:1:a:b:c:d", "2001:db8:0:1::/64"],
    ["2001:db8:0:1::9", "2001:db8:0:1::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1:192.0.2.7", "fe80:0:0:0::/64"],
    ["192.0.2.7, 192.0.2.8", ""],
    ["'; drop table", ""],
  ])("of %s takes the network %s", (address, network) => {
    expect(facts({ "x-forwarded-for": address }).network).toBe(network);
  });

  test("takes the client's program from the gateway, and from the call itself without one", () => {
    expect(facts({ "user-agent": "curl/8" }).userAgent).toBe("curl/8");
    const forwarded = { "x-forwarded-for": "192.0.2.7", "user-agent": "weft-mesh" };
    expect(facts(forwarded).userAgent).toBe("");
    expect(facts({ ...forwarded, "x-forwarded-user-agent": "curl/8" }).userAgent).toBe("curl/8");
  });

  test("ASVS 16.4.1: keeps of a program's name what can be printed, and no more than 256 characters of it", () => {
    expect(facts({ "user-agent": "a\tb\u00ff" }).userAgent).toBe("ab");
    expect(facts({ "user-agent": "x".repeat(1000) }).userAgent).toHaveLength(256);
  });
});
