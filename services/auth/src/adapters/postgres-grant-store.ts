/** Roles on resources in PostgreSQL. A grant locks its account as active, so none is made beside or after its deletion. */
import type { Database } from "@weft/mesh";
import { AuthError } from "../domain/errors.ts";
import type { Grant, ResourceRole } from "../domain/permissions.ts";
import type { GrantStore } from "../domain/ports.ts";

const put = `
  WITH account AS (
    SELECT user_id FROM accounts WHERE user_id = $1 AND state = 'active' FOR SHARE
  )
  INSERT INTO grants (user_id, resource, role, granted_at)
  SELECT user_id, $2::text, $3::text, $4::timestamptz FROM account
  ON CONFLICT (user_id, resource) DO UPDATE
    SET role = excluded.role,
        granted_at = CASE WHEN grants.role = excluded.role THEN grants.granted_at ELSE excluded.granted_at END
  RETURNING user_id, resource, role, granted_at`;
const removeOne = `DELETE FROM grants WHERE resource = $1 AND user_id = $2 RETURNING user_id`;
const removeAll = `DELETE FROM grants WHERE resource = $1 RETURNING user_id`;
const list = `
  SELECT user_id, resource, role, granted_at FROM grants
  WHERE ($1::text IS NULL OR user_id = $1)
    AND ($2::text IS NULL OR resource = $2)
    AND ($3::text IS NULL OR resource LIKE $3)
  ORDER BY granted_at, resource, user_id`;
const find = `SELECT role FROM grants WHERE user_id = $1 AND resource = $2`;

interface GrantRow {
  user_id: string;
  resource: string;
  role: ResourceRole;
  granted_at: Date;
}

export function createPostgresGrantStore(database: Database): GrantStore {
  return {
    async put(grant) {
      const { userId, resource, role, grantedAtMs } = grant;
      const values = [userId, resource, role, new Date(grantedAtMs)];
      const [row] = await database.query<GrantRow>({ name: "put_grant", text: put }, values);
      if (row === undefined) {
        throw new AuthError("user_unknown", `there is no user with the id "${userId}"`);
      }
      return grantFrom(row);
    },
    async remove({ userId, resource }) {
      const removed =
        userId === undefined
          ? await database.query({ name: "remove_grants", text: removeAll }, [resource])
          : await database.query({ name: "remove_grant", text: removeOne }, [resource, userId]);
      return removed.length;
    },
    async list({ userId, resource }) {
      const kind = resource?.endsWith(":") === true;
      // "_" is the one character of a kind that LIKE would read as a pattern.
      const prefix = kind ? `${resource.replaceAll("_", "\\_")}%` : null;
      const values = [userId ?? null, kind ? null : (resource ?? null), prefix];
      return (await database.query<GrantRow>({ name: "list_grants", text: list }, values)).map(grantFrom);
    },
    async find(userId, resource) {
      const statement = { name: "find_grant", text: find };
      return (await database.query<{ role: ResourceRole }>(statement, [userId, resource]))[0]?.role;
    },
  };
}

function grantFrom(row: GrantRow): Grant {
  return { userId: row.user_id, role: row.role, resource: row.resource, grantedAtMs: row.granted_at.getTime() };
}
