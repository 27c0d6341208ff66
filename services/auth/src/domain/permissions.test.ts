import { describe, expect, test } from "vitest";
import { decidePermission, permissionsOf, resourceRoles, roleAllows, rolePermissions } from "./permissions.ts";

describe("rolePermissions", () => {
  test("each role on a resource allows everything the weaker one does", () => {
    resourceRoles.slice(1).forEach((role, index) => {
      const weaker = resourceRoles[index];
      expect(rolePermissions[role]).toEqual(expect.arrayContaining([...rolePermissions[weaker ?? "viewer"]]));
    });
  });

  test.each([
    ["viewer", "project.read", true],
    ["viewer", "simulation.read", true],
    ["viewer", "project.write", false],
    ["viewer", "simulation.run", false],
    ["editor", "project.write", true],
    ["editor", "simulation.run", true],
    ["editor", "project.share", false],
    ["editor", "project.delete", false],
    ["owner", "project.share", true],
    ["owner", "project.delete", true],
    ["user", "project.create", true],
    ["user", "project.read", false],
    ["admin", "project.delete", true],
    ["admin", "user.write", true],
  ] as const)("a %s asking for %s is answered %s", (role, permission, allowed) => {
    expect(roleAllows(role, permission)).toBe(allowed);
  });

  test("the permissions of several roles are listed once each, in order", () => {
    const all = permissionsOf(["user", "admin"]);
    expect(all).toEqual([...new Set(all)].sort());
    expect(all).toContain("project.create");
  });
});

describe("decidePermission", () => {
  test("names the role on the resource when that one allows it, also for an administrator", () => {
    expect(decidePermission("project.read", "viewer", ["user", "admin"])).toEqual({ allowed: true, role: "viewer" });
  });

  test("names the role that holds everywhere when the one on the resource is too weak", () => {
    expect(decidePermission("project.delete", "viewer", ["user", "admin"])).toEqual({ allowed: true, role: "admin" });
  });

  test("a refusal names the role the user does have", () => {
    expect(decidePermission("project.delete", "editor", ["user"])).toEqual({ allowed: false, role: "editor" });
    expect(decidePermission("project.delete", undefined, ["user"])).toEqual({ allowed: false, role: "" });
  });
});
