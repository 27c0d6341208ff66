import { Code } from "@connectrpc/connect";
import { errorReason, errorViolations } from "@weft/mesh";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AuthFixture, type AuthInstance, freshSignup, startAuthFixture } from "./auth-fixture.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
let other: AuthInstance;

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance();
  other = await fixture.instance();
});
afterAll(() => fixture.close());

const newUserId = async () => (await auth.account.signup(freshSignup())).user?.id ?? "";
const check = (userId: string, permission: string, resource: string, instance = other) =>
  instance.service.checkPermission({ userId, permission, resource });

describe("grants", () => {
  test("ASVS 8.3.2: allow what their role allows on their resource, and nothing elsewhere, at every instance at once", async () => {
    const userId = await newUserId();
    await auth.service.grantRole({ userId, role: "editor", resource: "project:1" });
    expect(await check(userId, "project.write", "project:1")).toMatchObject({ allowed: true, role: "editor" });
    expect(await check(userId, "project.share", "project:1")).toMatchObject({ allowed: false, role: "editor" });
    expect(await check(userId, "project.read", "project:2")).toMatchObject({ allowed: false, role: "" });
    await auth.service.revokeRole({ userId, resource: "project:1" });
    expect(await check(userId, "project.read", "project:1")).toMatchObject({ allowed: false, role: "" });
  });

  test("a second role on the same resource replaces the first, and the same role again keeps its date", async () => {
    const userId = await newUserId();
    const first = await auth.service.grantRole({ userId, role: "viewer", resource: "project:3" });
    await fixture.clock.advance(1000);
    const again = await auth.service.grantRole({ userId, role: "viewer", resource: "project:3" });
    expect(again.grant?.grantedAt).toEqual(first.grant?.grantedAt);
    await auth.service.grantRole({ userId, role: "owner", resource: "project:3" });
    const { grants } = await auth.service.listGrants({ userId, resource: "project:3" });
    expect(grants.map((grant) => grant.role)).toEqual(["owner"]);
  });

  test("are listed by user, by resource, and by kind of resource, which is a prefix and no pattern", async () => {
    const [a, b] = [await newUserId(), await newUserId()];
    await auth.service.grantRole({ userId: a, role: "owner", resource: "list_kind:1" });
    await auth.service.grantRole({ userId: b, role: "viewer", resource: "list_kind:1" });
    await auth.service.grantRole({ userId: a, role: "owner", resource: "listxkind:1" });
    const listed = async (filter: { userId?: string; resource?: string }) =>
      (await auth.service.listGrants(filter)).grants.map(
        (grant) => `${grant.userId === a ? "a" : "b"} ${grant.resource}`,
      );
    expect(await listed({ userId: a })).toEqual(["a list_kind:1", "a listxkind:1"]);
    expect((await listed({ resource: "list_kind:1" })).sort()).toEqual(["a list_kind:1", "b list_kind:1"]);
    expect((await listed({ resource: "list_kind:" })).sort()).toEqual(["a list_kind:1", "b list_kind:1"]);
    expect(await listed({ userId: a, resource: "list_kind:" })).toEqual(["a list_kind:1"]);
  });

  test("of a whole resource are revoked together", async () => {
    const [a, b] = [await newUserId(), await newUserId()];
    for (const userId of [a, b]) await auth.service.grantRole({ userId, role: "viewer", resource: "project:4" });
    expect((await auth.service.revokeRole({ resource: "project:4" })).revoked).toBe(2);
    expect((await auth.service.revokeRole({ resource: "project:4" })).revoked).toBe(0);
  });

  test("to nobody are refused", async () => {
    const error = await auth.service
      .grantRole({ userId: "nobody", role: "viewer", resource: "project:1" })
      .catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: Code.NotFound });
    expect(errorReason(error)).toBe("USER_UNKNOWN");
  });

  test.each([
    ["resource", () => auth.service.grantRole({ userId: "x", role: "viewer", resource: "nothing" })],
    ["role", () => auth.service.grantRole({ userId: "x", role: "king", resource: "project:1" })],
    ["permission", () => check("x", "project.raed", "project:1")],
    ["resource", () => check("x", "project.read", "project:")],
    ["resource", () => auth.service.listGrants({ resource: "project:%" })],
    ["userId", () => auth.service.listGrants({})],
  ])("a bad %s is named", async (field, call) => {
    const error = await call().catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: Code.InvalidArgument });
    expect(errorViolations(error).map((violation) => violation.field)).toEqual([field]);
  });
});

describe("roles that hold everywhere", () => {
  test("every account may create projects, and an unknown user may nothing", async () => {
    expect(await check(await newUserId(), "project.create", "")).toMatchObject({ allowed: true, role: "user" });
    expect(await check("nobody", "project.create", "")).toMatchObject({ allowed: false, role: "" });
  });

  test("an administrator is made by configuration, by user id, and may everything", async () => {
    const signup = freshSignup();
    const userId = (await auth.account.signup(signup)).user?.id ?? "";
    const configured = await fixture.instance({ env: { WEFT_ADMIN_USERS: userId } });
    const { accessToken } = await configured.account.login({ login: signup.username, password: signup.password });
    const { principal } = await configured.service.validateToken({ token: accessToken });
    expect(principal?.roles).toEqual(["admin", "user"]);
    expect(await check(userId, "project.delete", "project:9", configured)).toMatchObject({
      allowed: true,
      role: "admin",
    });
    expect((await configured.service.getUserContext({ userId })).permissions).toContain("user.write");
  });
});

describe("user context", () => {
  test("gathers the user, their roles, permissions and grants", async () => {
    const signup = freshSignup();
    const userId = (await auth.account.signup(signup)).user?.id ?? "";
    await auth.service.grantRole({ userId, role: "owner", resource: "project:5" });
    const context = await auth.service.getUserContext({ userId });
    expect(context).toMatchObject({ userId, username: signup.username, email: signup.email, roles: ["user"] });
    expect(context.grants).toMatchObject([{ role: "owner", resource: "project:5" }]);
    await expect(auth.service.getUserContext({ userId: "nobody" })).rejects.toMatchObject({ code: Code.NotFound });
  });

  test("a change of the user is seen by every instance, though look-ups are remembered", async () => {
    const userId = await newUserId();
    const before = await other.service.validateUser({ userId });
    const calls = fixture.peer.calls.length;
    expect(await other.service.validateUser({ userId })).toEqual(before);
    expect(fixture.peer.calls.length).toBe(calls);
    const user = fixture.peer.users.get(userId);
    if (user !== undefined) user.username = "renamed";
    await auth.pubsub.publish("user:changes", userId);
    await expect.poll(async () => (await other.service.validateUser({ userId })).user?.username).toBe("renamed");
  });

  test("validates a user by both services", async () => {
    const userId = await newUserId();
    expect(await auth.service.validateUser({ userId })).toMatchObject({ valid: true, user: { userId } });
    expect(await auth.service.validateUser({ userId: "nobody" })).toMatchObject({ valid: false });
  });
});
