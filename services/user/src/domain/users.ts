/**
 * Users: who they are, not how they log in. Names and e-mail addresses belong to one user each, without regard to case,
 * and the store decides that (a check before the write would lose the race). A creation is recognised by its id, so a
 * caller that did not hear the answer may repeat it. A user's data is for that user and for administrators; others are
 * refused before anything is looked up, so the answer does not tell whether the id exists.
 */
import { UserError } from "./errors.ts";
import { userRegistered, userRemoved } from "./events.ts";
import type { ChangeNotice, UniqueField, User, UserChanges, UserStore, WallClock } from "./ports.ts";

/** Who asks, as far as it matters here. */
export interface Caller {
  readonly userId: string;
  readonly admin: boolean;
}

export interface NewUser {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
}

export interface UsersOptions {
  readonly store: UserStore;
  readonly notice: ChangeNotice;
  readonly clock: WallClock;
}

export class Users {
  readonly #options: UsersOptions;

  constructor(options: UsersOptions) {
    this.#options = options;
  }

  /** Throws "field_taken", naming every field that is. The same id with the same data again gives the same user. */
  async create(fresh: NewUser): Promise<User> {
    const { store, clock } = this.#options;
    const nowMs = clock.now();
    const user: User = { ...fresh, createdAtMs: nowMs, updatedAtMs: nowMs };
    const result = await store.insert(user, userRegistered(user));
    if (result.outcome === "inserted") {
      return user;
    }
    if (result.outcome === "taken") {
      throw taken(result.fields);
    }
    if (result.user.username === fresh.username && result.user.email === fresh.email) {
      return result.user;
    }
    throw new UserError("field_taken", "the user id belongs to another user", [
      { field: "userId", description: "belongs to another user" },
    ]);
  }

  /** Removes a user; removing an unknown one is no error. */
  async remove(id: string): Promise<void> {
    const { store, notice, clock } = this.#options;
    const removed = await store.remove(id, (user) => userRemoved(user.id, clock.now()));
    if (removed !== undefined) {
      notice.changed(id);
    }
  }

  /** Throws "user_unknown". */
  async byId(id: string): Promise<User> {
    return known(await this.#options.store.findById(id), `id "${id}"`);
  }

  /** Throws "user_unknown". */
  async byUsername(username: string): Promise<User> {
    return known(await this.#options.store.findByUsername(username), `username "${username}"`);
  }

  /** By username or e-mail address. Throws "user_unknown". */
  async byLogin(login: string): Promise<User> {
    // The login is not repeated: it may be an address that somebody mistyped.
    return known(await this.#options.store.findByLogin(login), "that login");
  }

  /** The user, or undefined; for callers to whom an unknown id is an answer. */
  find(id: string): Promise<User | undefined> {
    return this.#options.store.findById(id);
  }

  /** In the order of the ids, each as often as asked for; unknown ones are left out. */
  async byIds(ids: readonly string[]): Promise<readonly User[]> {
    const found = new Map((await this.#options.store.findByIds([...new Set(ids)])).map((user) => [user.id, user]));
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  /** Throws "not_allowed" or "user_unknown". */
  async read(caller: Caller, id: string): Promise<User> {
    assertMayTouch(caller, id);
    return this.byId(id);
  }

  /**
   * Throws "not_allowed", "user_unknown", "field_taken", or "proof_needed" for an address: a password is reset through it, so
   * that a stolen access token must not be enough to change one's own. Administrators may.
   */
  async update(caller: Caller, id: string, changes: UserChanges): Promise<User> {
    assertMayTouch(caller, id);
    if (changes.email !== undefined && !caller.admin) {
      throw new UserError(
        "proof_needed",
        "the e-mail address is changed by PUT /api/auth/profile, which asks for proof",
        [{ field: "email", description: "is changed by PUT /api/auth/profile" }],
      );
    }
    return this.change(id, changes);
  }

  /** Changes whatever it is told, for a caller that has asked for proof. Throws "user_unknown" or "field_taken". */
  async change(id: string, changes: UserChanges): Promise<User> {
    const { store, notice, clock } = this.#options;
    const result = await store.update(id, changes, clock.now());
    if (result.outcome === "taken") {
      throw taken(result.fields);
    }
    const user = known(result.outcome === "updated" ? result.user : undefined, `id "${id}"`);
    notice.changed(id);
    return user;
  }
}

function assertMayTouch(caller: Caller, id: string): void {
  if (caller.userId !== id && !caller.admin) {
    throw new UserError("not_allowed", "only the user themselves and administrators may do this");
  }
}

function known(user: User | undefined, what: string): User {
  if (user === undefined) {
    throw new UserError("user_unknown", `there is no user with ${what.startsWith("that") ? what : `the ${what}`}`);
  }
  return user;
}

function taken(fields: readonly UniqueField[]): UserError {
  const names: Record<UniqueField, string> = { username: "username", email: "e-mail address" };
  return new UserError(
    "field_taken",
    `the ${fields.map((field) => names[field]).join(" and the ")} ${fields.length > 1 ? "are" : "is"} taken`,
    fields.map((field) => ({ field, description: `this ${names[field]} is taken` })),
  );
}
