import { describe, expect, test } from "vitest";
import type { UserEvent } from "./events.ts";
import type { InsertResult, UniqueField, UpdateResult, User, UserChanges, UserStore } from "./ports.ts";
import { Users } from "./users.ts";

/** The store's promises, in memory: one id, one name and one address each, without regard to case. */
function memoryStore(): UserStore & { events: UserEvent[] } {
  const users = new Map<string, User>();
  const events: UserEvent[] = [];
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const taken = (id: string, wanted: UserChanges): UniqueField[] =>
    (["username", "email"] as const).filter((field) =>
      [...users.values()].some((other) => other.id !== id && same(other[field], wanted[field] ?? "")),
    );
  const first = (matches: (user: User) => boolean) => [...users.values()].find(matches);
  return {
    events,
    async insert(user, event): Promise<InsertResult> {
      const existing = users.get(user.id);
      if (existing !== undefined) return { outcome: "exists", user: existing };
      const fields = taken(user.id, user);
      if (fields.length > 0) return { outcome: "taken", fields };
      users.set(user.id, user);
      events.push(event);
      return { outcome: "inserted" };
    },
    async update(id, changes, updatedAtMs): Promise<UpdateResult> {
      const existing = users.get(id);
      if (existing === undefined) return { outcome: "unknown" };
      const fields = taken(id, changes);
      if (fields.length > 0) return { outcome: "taken", fields };
      const user = { ...existing, ...changes, updatedAtMs };
      users.set(id, user);
      return { outcome: "updated", user };
    },
    async remove(id, event) {
      const user = users.get(id);
      users.delete(id);
      if (user !== undefined) events.push(event(user));
      return user;
    },
    findById: async (id) => users.get(id),
    findByUsername: async (username) => first((user) => same(user.username, username)),
    findByLogin: async (login) => first((user) => same(user.username, login) || same(user.email, login)),
    findByIds: async (ids) => [...users.values()].filter((user) => ids.includes(user.id)).reverse(),
  };
}

function createUsers() {
  const store = memoryStore();
  const changed: string[] = [];
  let nowMs = Date.UTC(2026, 0, 1);
  const users = new Users({
    store,
    notice: { changed: (id) => changed.push(id) },
    clock: { now: () => (nowMs += 1000) },
  });
  return { users, store, changed };
}

const ada = { id: "id-ada", username: "Ada", email: "ada@example.org", firstName: "Ada", lastName: "L" };
const bob = { id: "id-bob", username: "bob", email: "bob@example.org", firstName: "", lastName: "" };
const self = { userId: ada.id, admin: false };

describe("Users.create", () => {
  test("stores the user with the event of its registration", async () => {
    const { users, store } = createUsers();
    const user = await users.create(ada);
    expect(user).toMatchObject({ ...ada, createdAtMs: user.updatedAtMs });
    expect(store.events).toEqual([
      {
        type: "USER_REGISTERED",
        userId: ada.id,
        username: "Ada",
        email: "ada@example.org",
        registeredAt: "2026-01-01T00:00:01.000Z",
      },
    ]);
  });

  test("repeated with the same id it gives the same user and no second event", async () => {
    const { users, store } = createUsers();
    const first = await users.create(ada);
    expect(await users.create(ada)).toEqual(first);
    expect(store.events).toHaveLength(1);
  });

  test("an id that belongs to somebody else is refused", async () => {
    const { users } = createUsers();
    await users.create(ada);
    const refused = users.create({ ...bob, id: ada.id });
    await expect(refused).rejects.toMatchObject({ kind: "field_taken", fields: [{ field: "userId" }] });
  });

  test.each([
    [{ username: "ADA", email: "new@example.org" }, ["username"]],
    [{ username: "new", email: "ADA@EXAMPLE.ORG" }, ["email"]],
    [{ username: "ada", email: "ada@example.org" }, ["username", "email"]],
  ])("names every taken field of %o", async (changes, fields) => {
    const { users } = createUsers();
    await users.create(ada);
    await expect(users.create({ ...bob, ...changes })).rejects.toMatchObject({
      kind: "field_taken",
      fields: fields.map((field) => expect.objectContaining({ field })),
    });
  });
});

describe("Users.update", () => {
  test("changes what is given, keeps the rest, and tells those who remember", async () => {
    const { users, changed } = createUsers();
    const before = await users.create(ada);
    const after = await users.update(self, ada.id, { firstName: "Augusta" });
    expect(after).toMatchObject({ ...ada, firstName: "Augusta", createdAtMs: before.createdAtMs });
    expect(after.updatedAtMs).toBeGreaterThan(before.updatedAtMs);
    expect(changed).toEqual([ada.id]);
  });

  test("a user may write their own name in other letters", async () => {
    const { users } = createUsers();
    await users.create(ada);
    expect((await users.update(self, ada.id, { username: "ADA" })).username).toBe("ADA");
  });

  test("a name that another user holds is refused, naming the field", async () => {
    const { users } = createUsers();
    await users.create(ada);
    await users.create(bob);
    const refused = users.update(self, ada.id, { username: "BOB" });
    await expect(refused).rejects.toMatchObject({ kind: "field_taken", fields: [{ field: "username" }] });
  });

  test("another user is refused, whether the id exists or not, and an administrator is not", async () => {
    const { users } = createUsers();
    await users.create(ada);
    const other = { userId: bob.id, admin: false };
    const admin = { userId: bob.id, admin: true };
    await expect(users.update(other, ada.id, {})).rejects.toMatchObject({ kind: "not_allowed" });
    await expect(users.read(other, "nobody")).rejects.toMatchObject({ kind: "not_allowed" });
    expect((await users.read(admin, ada.id)).username).toBe("Ada");
    await expect(users.read(admin, "nobody")).rejects.toMatchObject({ kind: "user_unknown" });
  });
});

describe("Users look-ups", () => {
  test("finds by name and by address in any case, and by nothing else", async () => {
    const { users } = createUsers();
    await users.create(ada);
    expect((await users.byLogin("ADA@example.ORG")).id).toBe(ada.id);
    expect((await users.byLogin("aDa")).id).toBe(ada.id);
    expect((await users.byUsername("ADA")).id).toBe(ada.id);
    await expect(users.byUsername("ada@example.org")).rejects.toMatchObject({ kind: "user_unknown" });
  });

  test("gives users in the order of the request and leaves unknown ones out", async () => {
    const { users } = createUsers();
    await users.create(ada);
    await users.create(bob);
    const found = await users.byIds([bob.id, "nobody", ada.id, bob.id]);
    expect(found.map((user) => user.id)).toEqual([bob.id, ada.id, bob.id]);
  });

  test("removing frees the name, records the removal once, and may be repeated", async () => {
    const { users, store } = createUsers();
    await users.create(ada);
    await users.remove(ada.id);
    await users.remove(ada.id);
    expect(store.events.map((event) => event.type)).toEqual(["USER_REGISTERED", "USER_REMOVED"]);
    expect((await users.create({ ...bob, username: "ada" })).id).toBe(bob.id);
  });
});
