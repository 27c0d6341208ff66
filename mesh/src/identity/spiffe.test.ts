import { describe, expect, test } from "vitest";
import { isTrustDomain, serviceIdOf, spiffeUri, trustDomainOf } from "./spiffe.ts";

const auth = { trustDomain: "weft.local", service: "auth-service" };

describe("serviceIdOf", () => {
  test("finds the one URI among other names", () => {
    expect(
      serviceIdOf(`DNS:localhost, ${`URI:${spiffeUri(auth)}`}, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1`),
    ).toEqual(auth);
    expect(serviceIdOf(`URI:${spiffeUri(auth)}`)).toEqual(auth);
  });

  test.each([
    ["no names", undefined],
    ["no URI", "DNS:auth-service"],
    ["two URIs", "URI:spiffe://weft.local/service/a, URI:spiffe://weft.local/service/b"],
    ["another kind of workload", "URI:spiffe://weft.local/ns/default/sa/auth"],
    ["a longer path", "URI:spiffe://weft.local/service/auth/admin"],
    ["another scheme", "URI:https://weft.local/service/auth"],
    ["a URI within a quoted name", 'DNS:"x, URI:spiffe://weft.local/service/auth-service, y"'],
    ["a quoted URI", 'URI:"spiffe://weft.local/service/auth-service"'],
    ["text that is no list of names", 'DNS:"open, URI:spiffe://weft.local/service/auth-service'],
  ])("finds nobody in %s", (_what, text) => {
    expect(serviceIdOf(text)).toBeUndefined();
  });
});

describe("trustDomainOf", () => {
  test("reads the domain of an authority, which is no service", () => {
    expect(trustDomainOf("URI:spiffe://weft.local")).toBe("weft.local");
    expect(trustDomainOf(`URI:${spiffeUri(auth)}`)).toBeUndefined();
    expect(serviceIdOf("URI:spiffe://weft.local")).toBeUndefined();
  });

  test.each([
    ["weft.local", true],
    ["Weft.local", false],
    ["weft/local", false],
    ["", false],
  ])("%j may be one: %s", (text, expected) => {
    expect(isTrustDomain(text)).toBe(expected);
  });
});
