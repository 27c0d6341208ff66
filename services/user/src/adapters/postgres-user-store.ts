/**
 * Users in PostgreSQL. The unique indexes decide who has a name; when they refuse a row, a second look says which fields
 * are taken, so that a signup learns of both at once. A user and the event about them are written in one transaction.
 */
import { type Database, type Queryable, type Transaction, UniqueViolationError } from "@weft/mesh";
import type { UserEvent } from "../domain/events.ts";
import type { UniqueField, UpdateResult, User, UserChanges, UserStore } from "../domain/ports.ts";

const columns = "id, username, email, first_name, last_name, created_at, updated_at";
const insert = `
  INSERT INTO users (${columns}) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING RETURNING id`;
const update = `
  UPDATE users SET username = coalesce($2, username), email = coalesce($3, email),
    first_name = coalesce($4, first_name), last_name = coalesce($5, last_name), updated_at = $6
  WHERE id = $1 RETURNING ${columns}`;
const remove = `DELETE FROM users WHERE id = $1 RETURNING ${columns}`;
const findById = `SELECT ${columns} FROM users WHERE id = $1`;
const findByUsername = `SELECT ${columns} FROM users WHERE lower(username) = lower($1)`;
// A username has no "@" and an address has one, so at most one row matches.
const findByLogin = `SELECT ${columns} FROM users WHERE lower(username) = lower($1) OR lower(email) = lower($1)`;
const findByIds = `SELECT ${columns} FROM users WHERE id = ANY($1)`;
const takenFields = `
  SELECT coalesce(bool_or(lower(username) = lower($2)), false) AS username,
         coalesce(bool_or(lower(email) = lower($3)), false) AS email
  FROM users WHERE id <> $1 AND (lower(username) = lower($2) OR lower(email) = lower($3))`;

interface UserRow {
  id: string;
  username: string;
  email: string;
  first_name: string;
  last_name: string;
  created_at: Date;
  updated_at: Date;
}

/** Stores an event for publication, in the transaction it is given. */
export type AppendEvent = (transaction: Transaction, event: UserEvent) => Promise<void>;

export function createPostgresUserStore(database: Database, appendEvent: AppendEvent): UserStore {
  return {
    async insert(user, event) {
      try {
        const existing = await database.transaction(async (transaction) => {
          const { id, username, email, firstName, lastName, createdAtMs, updatedAtMs } = user;
          const values = [id, username, email, firstName, lastName, new Date(createdAtMs), new Date(updatedAtMs)];
          const inserted = await transaction.query({ name: "insert_user", text: insert }, values);
          if (inserted.length === 0) {
            return one(transaction, "find_user", findById, id);
          }
          await appendEvent(transaction, event);
          return undefined;
        });
        return existing === undefined ? { outcome: "inserted" } : { outcome: "exists", user: existing };
      } catch (error) {
        return { outcome: "taken", fields: await fieldsTaken(database, error, user.id, user) };
      }
    },
    async update(id, changes, updatedAtMs): Promise<UpdateResult> {
      const { username, email, firstName, lastName } = changes;
      const values = [id, username, email, firstName, lastName].map((value) => value ?? null);
      try {
        const statement = { name: "update_user", text: update };
        const [row] = await database.query<UserRow>(statement, [...values, new Date(updatedAtMs)]);
        return row === undefined ? { outcome: "unknown" } : { outcome: "updated", user: userFrom(row) };
      } catch (error) {
        return { outcome: "taken", fields: await fieldsTaken(database, error, id, changes) };
      }
    },
    remove: (id, event) =>
      database.transaction(async (transaction) => {
        const user = await one(transaction, "remove_user", remove, id);
        if (user !== undefined) {
          await appendEvent(transaction, event(user));
        }
        return user;
      }),
    findById: (id) => one(database, "find_user", findById, id),
    findByUsername: (username) => one(database, "find_user_by_username", findByUsername, username),
    findByLogin: (login) => one(database, "find_user_by_login", findByLogin, login),
    async findByIds(ids) {
      const statement = { name: "find_users", text: findByIds };
      return (await database.query<UserRow>(statement, [[...ids]])).map(userFrom);
    },
  };
}

async function one(target: Queryable, name: string, text: string, value: string): Promise<User | undefined> {
  const [row] = await target.query<UserRow>({ name, text }, [value]);
  return row === undefined ? undefined : userFrom(row);
}

/** Which fields made a write fail; throws the error again when it is about something else. */
async function fieldsTaken(
  database: Database,
  error: unknown,
  id: string,
  wanted: UserChanges,
): Promise<readonly UniqueField[]> {
  const byConstraint: Readonly<Record<string, UniqueField>> = { users_username: "username", users_email: "email" };
  const refused = error instanceof UniqueViolationError ? byConstraint[error.constraint] : undefined;
  if (refused === undefined) {
    throw error;
  }
  const values = [id, wanted.username ?? null, wanted.email ?? null];
  const [taken] = await database.query<Record<UniqueField, boolean>>(
    { name: "taken_fields", text: takenFields },
    values,
  );
  // The field that was refused is named even if its holder has gone since.
  return (["username", "email"] as const).filter((field) => field === refused || taken?.[field] === true);
}

function userFrom(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    firstName: row.first_name,
    lastName: row.last_name,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
  };
}
