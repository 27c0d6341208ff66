import { Code, type ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { errorMetadata, errorReason, serviceError } from "@weft/mesh";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { Access } from "@weft/proto/weft/options/v1/access_pb.ts";
import { describe, expect, test } from "vitest";
import { accessOf, authenticationInterceptor, bearerToken } from "./authentication-interceptor.ts";
import { currentPrincipal, type Principal, requirePrincipal } from "./principal.ts";
import { tokenRefused } from "./token-errors.ts";

const ada: Principal = {
  userId: "ada",
  username: "ada",
  sessionId: "s",
  roles: ["user"],
  scopes: undefined,
  expiresAtMs: 0,
};

/** Calls answer with the id of who called, or "nobody". */
function createClients() {
  const verifier = {
    async verify(token: string) {
      if (token === "good") return ada;
      if (token.startsWith("key:")) return { ...ada, scopes: token.slice(4).split("+") };
      if (token === "unknowable") throw serviceError(Code.Unavailable, "AUTH_UNAVAILABLE", "cannot be verified");
      throw tokenRefused(token === "old" ? "expired" : token === "ended" ? "revoked" : "bad_signature");
    },
  };
  const transport = createRouterTransport(
    (router) => {
      router.service(AccountService, {
        getProfile: (_request, context) => ({ user: { id: requirePrincipal(context).userId } }),
        listSessions: () => ({}),
        login: (_request, context) => ({ accessToken: currentPrincipal(context)?.userId ?? "nobody" }),
      });
      router.service(AuthService, {
        validateUser: (_request, context) => ({ user: { userId: currentPrincipal(context)?.userId ?? "nobody" } }),
      });
    },
    { router: { interceptors: [authenticationInterceptor(verifier)] } },
  );
  return { account: createClient(AccountService, transport), auth: createClient(AuthService, transport) };
}

const { account, auth } = createClients();
const sending = (authorization: string) => ({ headers: { authorization } });

describe("authenticationInterceptor", () => {
  test.each([
    ["no header", undefined, Code.Unauthenticated, "TOKEN_MISSING"],
    ["another scheme", "Basic YTpi", Code.Unauthenticated, "TOKEN_MISSING"],
    ["a scheme without a token", "Bearer ", Code.Unauthenticated, "TOKEN_MISSING"],
    ["an expired token", "Bearer old", Code.Unauthenticated, "TOKEN_EXPIRED"],
    ["a token of an ended session", "Bearer ended", Code.Unauthenticated, "TOKEN_REVOKED"],
    ["a forged token", "Bearer forged", Code.Unauthenticated, "TOKEN_INVALID"],
    ["a token that cannot be verified now", "Bearer unknowable", Code.Unavailable, "AUTH_UNAVAILABLE"],
  ])("a method for users refuses %s", async (_what, header, code, reason) => {
    const error = await account
      .getProfile({}, header === undefined ? {} : sending(header))
      .catch((refused: unknown) => refused as ConnectError);
    expect(error).toMatchObject({ code });
    expect(errorReason(error)).toBe(reason);
    if (code === Code.Unauthenticated) {
      expect((error as ConnectError).metadata.get("www-authenticate")).toMatch(/^Bearer/);
    }
  });

  test("a method for users gets the principal, whatever the letters of the scheme", async () => {
    expect((await account.getProfile({}, sending("bearer good"))).user?.id).toBe("ada");
  });

  test("ASVS 8.2.1: a method for users takes its scope of an API key, and none where it names none", async () => {
    const refused = async (call: Promise<unknown>) => {
      const error = (await call.catch((thrown: unknown) => thrown)) as ConnectError;
      return [error.code, errorReason(error), errorMetadata(error), error.metadata.get("www-authenticate")];
    };
    const able = "Bearer key:projects.read+profile.read";
    expect((await account.getProfile({}, sending(able))).user?.id).toBe("ada");
    expect(await refused(account.getProfile({}, sending("Bearer key:projects.read")))).toEqual([
      Code.PermissionDenied,
      "SCOPE_MISSING",
      { scope: "profile.read" },
      'Bearer error="insufficient_scope", scope="profile.read"',
    ]);
    expect(await refused(account.listSessions({}, sending(able)))).toEqual([
      Code.PermissionDenied,
      "SESSION_NEEDED",
      {},
      null,
    ]);
    expect((await account.login({}, sending("Bearer key:projects.read"))).accessToken).toBe("ada");
  });

  test("a public or an internal method demands no token, names a valid one's owner, and ignores a bad one", async () => {
    for (const [options, caller] of [
      [{}, "nobody"],
      [sending("Bearer good"), "ada"],
      [sending("Bearer old"), "nobody"],
      [sending("Bearer unknowable"), "nobody"],
    ] as const) {
      expect((await account.login({}, options)).accessToken).toBe(caller);
      expect((await auth.validateUser({}, options)).user?.userId).toBe(caller);
    }
  });
});

describe("accessOf", () => {
  test("reads the option of a method", () => {
    expect(accessOf(AccountService.method.login)).toBe(Access.PUBLIC);
    expect(accessOf(AccountService.method.getProfile)).toBe(Access.USER);
    expect(accessOf(AuthService.method.validateToken)).toBe(Access.INTERNAL);
  });
});

describe("bearerToken", () => {
  test.each([
    ["Bearer abc", "abc"],
    ["BEARER  abc ", "abc"],
    ["Bearer a b", undefined],
    ["abc", undefined],
    [null, undefined],
  ])("%s carries %s", (header, token) => {
    expect(bearerToken(header)).toBe(token);
  });
});
