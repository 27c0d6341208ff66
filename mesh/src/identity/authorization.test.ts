import { Health } from "@weft/proto/grpc/health/v1/health_pb.ts";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { describe, expect, test } from "vitest";
import { admitsAnyone, CallerAuthorization, type CallerPolicy } from "./authorization.ts";

const authorize = (policy?: CallerPolicy): CallerAuthorization =>
  new CallerAuthorization({ policy, services: [AuthService, AccountService], ownServices: [Health] });

const validate = "weft.auth.v1.AuthService/ValidateToken";
const grant = "weft.auth.v1.AuthService/GrantRole";
const login = "weft.auth.v1.AccountService/Login";
const health = "grpc.health.v1.Health/Check";

describe("a policy", () => {
  const authorization = authorize({
    "weft.auth.v1.AuthService/*": ["project-service"],
    [validate]: ["*"],
    [grant]: [],
    "weft.auth.v1.AccountService/Login": ["gateway-service", "user-service"],
  });

  test.each([
    ["a named caller", login, "gateway-service", true],
    ["a second one", login, "user-service", true],
    ["another caller", login, "project-service", false],
    ["the caller of a whole service", "weft.auth.v1.AuthService/ListGrants", "project-service", true],
    ["another caller of it", "weft.auth.v1.AuthService/ListGrants", "gateway-service", false],
    ["anybody where all may call", validate, "plants-service", true],
    ["the caller of the whole service where its method says otherwise", grant, "project-service", false],
    ["a method that nothing covers", "weft.auth.v1.AccountService/Signup", "gateway-service", false],
    ["a method that does not exist", "weft.auth.v1.AccountService/Nothing", "gateway-service", false],
    ["the mesh's own methods", health, "plants-service", true],
    ["a caller without identity", login, undefined, false],
    ["a caller without identity where all services may call", validate, undefined, false],
    ["a caller without identity at the mesh's own methods", health, undefined, false],
    ["a caller of the name of a word", login, "anyone", false],
    ["a star for a name", login, "*", false],
  ])("decides about %s", (_what, method, caller, allowed) => {
    expect(authorization.allows(method, caller)).toBe(allowed);
  });

  test("of one line covers all methods", () => {
    const gateway = authorize({ "*": ["gateway-service"] });
    expect(gateway.allows(login, "gateway-service")).toBe(true);
    expect(gateway.allows(grant, "gateway-service")).toBe(true);
    expect(gateway.allows(grant, "user-service")).toBe(false);
  });

  test("that is absent lets every service of the mesh in, and nobody else", () => {
    const open = authorize();
    expect(open.allows(grant, "plants-service")).toBe(true);
    expect(open.allows(grant, undefined)).toBe(false);
    expect(open.allows("some.other.Service/Method", "plants-service")).toBe(false);
    expect(admitsAnyone(undefined)).toBe(false);
  });

  test("that is empty lets nobody in", () => {
    expect(authorize({}).allows(login, "gateway-service")).toBe(false);
    expect(authorize({}).allows(health, "gateway-service")).toBe(true);
  });

  test("for anyone lets callers in who are no services", () => {
    const anyone = authorize({ "*": ["anyone"] });
    expect(admitsAnyone({ "*": ["anyone"] })).toBe(true);
    expect([anyone.allows(login, undefined), anyone.allows(health, undefined)]).toEqual([true, true]);
    expect(anyone.allows(login, "user-service")).toBe(true);
    expect(anyone.allows("some.other.Service/Method", undefined)).toBe(false);
  });
});

test.each<[CallerPolicy, string]>([
  [
    { "weft.auth.v1.AuthService/Login": ["*"] },
    '"weft.auth.v1.AuthService/Login" is no method that this service serves; known are: *, weft.auth.v1.AccountService/Login',
  ],
  [{ "weft.user.v1.UserService/*": ["*"] }, "known are: *, weft.auth.v1.AuthService/*, weft.auth.v1.AccountService/*"],
  [{ "/weft.auth.v1.AuthService/GrantRole": ["*"] }, "is no method that this service serves"],
  [{ "*": ["Gateway Service"] }, '"*" names "Gateway Service", which cannot be the name of a service'],
  [{ "*": ["anyone", "user-service"] }, '"anyone" stands alone'],
  [{ "*": ["anyone"], [login]: ["user-service"] }, '"anyone" stands alone'],
  [{ [login]: ["anyone"], [grant]: [] }, '"anyone" stands alone'],
])("the policy %j is refused", (policy, complaint) => {
  expect(() => authorize(policy)).toThrow(complaint);
});
