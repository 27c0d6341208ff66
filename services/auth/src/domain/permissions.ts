/**
 * Who may do what: one table from role to permissions. Roles on a resource (owner, editor, viewer) are granted per
 * resource; `user` and `admin` hold everywhere. Another resource kind is another row of permissions here, never a rule
 * somewhere else. A permission that is not in the table is refused as a mistake of the caller, not answered with "no".
 */

const viewer = ["project.read", "simulation.read"] as const;
const editor = [...viewer, "project.write", "simulation.run"] as const;
const owner = [...editor, "project.share", "project.delete"] as const;
const user = ["project.create"] as const;
const admin = [...owner, ...user, "user.read", "user.write", "audit.read"] as const;

/** Every role with what it allows; a later role of `resourceRoles` allows everything an earlier one does. */
export const rolePermissions = {
  viewer,
  editor,
  owner,
  user,
  admin,
} as const satisfies Record<string, readonly string[]>;

export type Role = keyof typeof rolePermissions;
/** Roles that hold on one resource, weakest first. */
export const resourceRoles = ["viewer", "editor", "owner"] as const;
export type ResourceRole = (typeof resourceRoles)[number];
/** Roles that hold everywhere. */
export type GlobalRole = "user" | "admin";

/** One role of one user on one resource ("project:<id>"). */
export interface Grant {
  readonly userId: string;
  readonly role: ResourceRole;
  readonly resource: string;
  readonly grantedAtMs: number;
}

/** Which grants to list; a resource that ends in ":" means every resource of that kind. At least one is given. */
export interface GrantFilter {
  readonly userId?: string;
  readonly resource?: string;
}

const known: ReadonlySet<string> = new Set(admin);

export function isPermission(name: string): boolean {
  return known.has(name);
}

export function isResourceRole(name: string): name is ResourceRole {
  return (resourceRoles as readonly string[]).includes(name);
}

export function roleAllows(role: Role, permission: string): boolean {
  return (rolePermissions[role] as readonly string[]).includes(permission);
}

/** Everything the roles allow, sorted and without repeats. */
export function permissionsOf(roles: readonly Role[]): readonly string[] {
  return [...new Set(roles.flatMap((role) => rolePermissions[role] as readonly string[]))].sort();
}

/**
 * The answer to "may this user do that here?". `role` is the role that allowed it, the nearest one first (the role on
 * the resource before one that holds everywhere); when refused, the role on the resource, or "" when there is none.
 */
export function decidePermission(
  permission: string,
  onResource: ResourceRole | undefined,
  everywhere: readonly GlobalRole[],
): { allowed: boolean; role: Role | "" } {
  const candidates: Role[] = [...(onResource === undefined ? [] : [onResource]), ...everywhere];
  const allowing = candidates.find((role) => roleAllows(role, permission));
  return allowing === undefined ? { allowed: false, role: onResource ?? "" } : { allowed: true, role: allowing };
}

/** Whether a decision let somebody in for being an administrator and for nothing else. */
export function allowedByAdminAlone(
  permission: string,
  { allowed, role }: { allowed: boolean; role: Role | "" },
): boolean {
  return allowed && role === "admin" && !roleAllows("user", permission);
}
