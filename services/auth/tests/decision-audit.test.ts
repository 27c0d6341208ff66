import { Code } from "@connectrpc/connect";
import { errorReason } from "@weft/mesh";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
let admin: { userId: string; accessToken: string };

beforeAll(async () => {
  fixture = await startAuthFixture();
  const signup = freshSignup();
  const userId = (await (await fixture.instance()).account.signup(signup)).user?.id ?? "";
  auth = await fixture.instance({ env: { WEFT_ADMIN_USERS: userId } });
  const { accessToken } = await auth.account.login({ login: signup.username, password: signup.password });
  admin = { userId, accessToken };
});
afterAll(() => fixture.close());

async function newUser() {
  const { user, accessToken } = await auth.account.signup(freshSignup());
  return { userId: user?.id ?? "", accessToken };
}
const check = (userId: string, permission: string, resource: string) =>
  auth.service.checkPermission({ userId, permission, resource });
async function listed(filter: { userId?: string; resource?: string; pageSize?: number; pageToken?: string }) {
  await auth.auth.decisions.flush();
  return auth.audit.listDecisions(filter, bearer(admin.accessToken));
}
const words = (page: Awaited<ReturnType<typeof listed>>) =>
  page.decisions.map(
    ({ decision, permission, resource, role, count }) => `${decision} ${permission} ${resource} ${role} ${count}`,
  );

describe("the audit of permission decisions", () => {
  test("ASVS 16.3.2: has refusals, with how often, and the roles that were granted and taken", async () => {
    const { userId } = await newUser();
    await auth.service.grantRole({ userId, role: "viewer", resource: "project:a1" }, bearer(admin.accessToken));
    await check(userId, "project.read", "project:a1");
    await check(userId, "project.write", "project:a1");
    await check(userId, "project.write", "project:a1");
    await auth.auth.decisions.flush();
    await auth.service.revokeRole({ userId, resource: "project:a1" });
    const page = await listed({ userId });
    expect(words(page)).toEqual([
      "role_revoked  project:a1  1",
      "permission_denied project.write project:a1 viewer 2",
      "role_granted  project:a1 viewer 1",
    ]);
    expect(page.decisions.at(2)).toMatchObject({ userId, actorId: admin.userId });
  });

  test("has what the role of an administrator alone allowed, and nothing that others may, too", async () => {
    await check(admin.userId, "project.create", "");
    await check(admin.userId, "project.delete", "project:a2");
    expect(words(await listed({ resource: "project:a2" }))).toEqual([
      "permission_by_admin project.delete project:a2 admin 1",
    ]);
    expect(words(await listed({ userId: admin.userId })).join()).not.toContain("project.create");
  });

  test("ASVS 8.2.1: is read by administrators only, and the attempt stands in it", async () => {
    const { userId, accessToken } = await newUser();
    const refused = await auth.audit.listDecisions({}, bearer(accessToken)).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: Code.PermissionDenied });
    expect(errorReason(refused)).toBe("NOT_ALLOWED");
    await expect(auth.audit.listDecisions({})).rejects.toMatchObject({ code: Code.Unauthenticated });
    expect(words(await listed({ userId }))).toEqual(["permission_denied audit.read   1"]);
  });

  test("is listed by resource and by user, the newest first, in pages", async () => {
    const [a, b] = [await newUser(), await newUser()];
    for (const { userId } of [a, b]) {
      for (const at of [1, 2, 3]) await check(userId, "project.read", `project:page${at}`);
    }
    const first = await listed({ userId: a.userId, pageSize: 2 });
    const second = await listed({ userId: a.userId, pageSize: 2, pageToken: first.nextPageToken });
    const resources = [...first.decisions, ...second.decisions].map(({ resource }) => resource);
    expect(resources).toEqual(["project:page3", "project:page2", "project:page1"]);
    expect(second.nextPageToken).toBe("");
    expect((await listed({ resource: "project:page1" })).decisions.map(({ userId }) => userId)).toEqual([
      b.userId,
      a.userId,
    ]);
    expect((await listed({ userId: a.userId, resource: "project:page2" })).decisions).toHaveLength(1);
    expect((await listed({ resource: "project:page4" })).decisions).toEqual([]);
  });

  test("ASVS 16.4.1: keeps a name that looks like a line of the log, or like SQL, as it is", async () => {
    const userId = `x'; --\n{"level":"info"}`;
    await check(userId, "project.read", "project:odd");
    const { decisions } = await listed({ resource: "project:odd" });
    expect(decisions).toMatchObject([{ userId, decision: "permission_denied" }]);
  });

  test("does not fail or hold up a decision while the trail cannot be written", async () => {
    const { userId } = await newUser();
    await fixture.database.query("ALTER TABLE security_events RENAME TO security_events_away");
    try {
      expect(await check(userId, "project.read", "project:away")).toMatchObject({ allowed: false });
      await expect(auth.auth.decisions.flush()).rejects.toThrow();
    } finally {
      await fixture.database.query("ALTER TABLE security_events_away RENAME TO security_events");
    }
    expect(words(await listed({ userId }))).toEqual(["permission_denied project.read project:away  1"]);
  });

  test("is not what a user is shown of their own account", async () => {
    const { userId, accessToken } = await newUser();
    await check(userId, "project.read", "project:own");
    await auth.auth.decisions.flush();
    const { events } = await auth.account.listSecurityEvents({}, bearer(accessToken));
    expect(events.map(({ event }) => event)).toEqual(["signed_up"]);
  });
});
