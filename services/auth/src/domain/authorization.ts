/**
 * Roles, permissions and what others ask about a user. Grants are read from the store each time: a role that was taken
 * away must not linger in a cache of another instance, and the read is one index look-up. What is cached (by the adapter
 * behind `directory`) are profile facts, which decide nothing.
 */
import type { PermissionDecision } from "./decision-trail.ts";
import { AuthError } from "./errors.ts";
import {
  allowedByAdminAlone,
  decidePermission,
  type GlobalRole,
  type Grant,
  type GrantFilter,
  isPermission,
  isResourceRole,
  permissionsOf,
  type Role,
  resourceRoles,
} from "./permissions.ts";
import type { AccountStore, DirectoryUser, GrantStore, UserDirectory, WallClock } from "./ports.ts";
import type { SecurityLog } from "./security-events.ts";

export interface UserContext {
  readonly user: DirectoryUser;
  readonly roles: readonly GlobalRole[];
  readonly permissions: readonly string[];
  readonly grants: readonly Grant[];
}

export interface AuthorizationOptions {
  readonly grants: GrantStore;
  readonly accounts: Pick<AccountStore, "isActive">;
  readonly directory: Pick<UserDirectory, "findById">;
  readonly globalRoles: (userId: string) => readonly GlobalRole[];
  readonly clock: WallClock;
  readonly log: SecurityLog;
  /** Told of refusals and of what the role of an administrator alone allowed; must not throw or wait. */
  readonly trail: { record(decision: PermissionDecision): void };
}

/** "project:<id>": a kind in lower case, a colon, and the id of one thing. */
const resourcePattern = /^[a-z][a-z_]*:[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const resourceKindPattern = /^[a-z][a-z_]*:$/;

export class Authorization {
  readonly #options: AuthorizationOptions;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** Whether the user may do that on the resource; an empty resource asks about roles that hold everywhere. */
  async check(userId: string, permission: string, resource: string): Promise<{ allowed: boolean; role: Role | "" }> {
    const { grants, accounts, globalRoles, trail } = this.#options;
    if (!isPermission(permission)) {
      throw invalid("permission", `"${permission}" is no permission of this mesh`);
    }
    if (resource !== "") {
      assertResource(resource);
    }
    const [active, onResource] = await Promise.all([
      accounts.isActive(userId),
      resource === "" ? undefined : grants.find(userId, resource),
    ]);
    const decision = active
      ? decidePermission(permission, onResource, globalRoles(userId))
      : ({ allowed: false, role: "" } as const);
    if (!decision.allowed) {
      trail.record({ kind: "permission_denied", userId, permission, resource, role: decision.role });
    } else if (allowedByAdminAlone(permission, decision)) {
      trail.record({ kind: "permission_by_admin", userId, permission, resource, role: decision.role });
    }
    return decision;
  }

  /** Throws "user_unknown". */
  async context(userId: string): Promise<UserContext> {
    const { grants, accounts, directory, globalRoles } = this.#options;
    const [active, user, list] = await Promise.all([
      accounts.isActive(userId),
      directory.findById(userId),
      grants.list({ userId }),
    ]);
    if (!active || user === undefined) {
      throw new AuthError("user_unknown", `there is no user with the id "${userId}"`);
    }
    const roles = globalRoles(userId);
    return { user, roles, permissions: permissionsOf(roles), grants: list };
  }

  /** The user if they exist and may act. */
  async validate(userId: string): Promise<DirectoryUser | undefined> {
    const { accounts, directory } = this.#options;
    const [active, user] = await Promise.all([accounts.isActive(userId), directory.findById(userId)]);
    return active ? user : undefined;
  }

  /**
   * Gives the user the role on the resource, replacing what they had there. `actorId` is who asked, empty when that was no
   * user. Throws "user_unknown".
   */
  async grant(userId: string, role: string, resource: string, actorId: string): Promise<Grant> {
    const { grants, clock, log } = this.#options;
    if (!isResourceRole(role)) {
      throw invalid("role", `must be one of ${resourceRoles.join(", ")}`);
    }
    assertResource(resource);
    const grant = await grants.put({ userId, role, resource, grantedAtMs: clock.now() });
    await log.record("role_granted", { userId, role, resource, actorId });
    return grant;
  }

  /** Takes one user's role on the resource away, or everybody's when the user id is empty; returns how many. */
  async revoke(userId: string, resource: string, actorId: string): Promise<number> {
    const { grants, log } = this.#options;
    assertResource(resource);
    const about = userId === "" ? { resource } : { userId, resource };
    const revoked = await grants.remove(about);
    await log.record("role_revoked", { ...about, actorId, revoked });
    return revoked;
  }

  /** Grants of a user, of a resource, or of a kind of resource ("project:"); at least one filter is given. */
  list(filter: GrantFilter): Promise<readonly Grant[]> {
    if (filter.userId === undefined && filter.resource === undefined) {
      throw invalid("userId", "userId or resource is required");
    }
    if (filter.resource !== undefined && !resourceKindPattern.test(filter.resource)) {
      assertResource(filter.resource);
    }
    return this.#options.grants.list(filter);
  }
}

function assertResource(resource: string): void {
  if (!resourcePattern.test(resource)) {
    throw invalid("resource", 'must be "<kind>:<id>", such as "project:42"');
  }
}

function invalid(field: string, description: string): AuthError {
  return new AuthError("field_invalid", `${field} ${description}`, { fields: [{ field, description }] });
}
