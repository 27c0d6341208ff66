import { type Database, openDatabase } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { startTestPostgres, type TestPostgres } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createPostgresUserStore } from "../src/adapters/postgres-user-store.ts";
import { type UserEvent, userRegistered, userRemoved } from "../src/domain/events.ts";
import type { User, UserStore } from "../src/domain/ports.ts";

let postgres: TestPostgres;
let database: Database;
let store: UserStore;
let failing = false;

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await openDatabase({
    connectionString: await postgres.createDatabase("users"),
    schema: "user_schema",
    migrationsDir: new URL("../migrations", import.meta.url).pathname,
    applicationName: "user-test",
    logger: silentLogger,
  });
  await database.query("CREATE TABLE noted_events (event jsonb NOT NULL)");
  store = createPostgresUserStore(database, async (transaction, event) => {
    if (failing) throw new Error("the event could not be stored");
    await transaction.query("INSERT INTO noted_events VALUES ($1)", [JSON.stringify(event)]);
  });
});
afterAll(async () => {
  await database?.close();
  await postgres?.close();
});
beforeEach(async () => {
  failing = false;
  await database.query("TRUNCATE users, noted_events");
});

const ada: User = {
  id: "6f1c2a34-0d6b-4f7e-9c1d-000000000001",
  username: "Ada",
  email: "Ada@Example.org",
  firstName: "Ada",
  lastName: "Lovelace",
  createdAtMs: Date.UTC(2026, 0, 1),
  updatedAtMs: Date.UTC(2026, 0, 1),
};
const bob: User = { ...ada, id: "6f1c2a34-0d6b-4f7e-9c1d-000000000002", username: "bob", email: "bob@example.org" };
const insert = (user: User) => store.insert(user, userRegistered(user));
const events = async () =>
  (await database.query<{ event: UserEvent }>("SELECT event FROM noted_events")).map((row) => row.event);

describe("PostgresUserStore", () => {
  test("stores a user with their event, and finds them by id, name and address in any case", async () => {
    expect(await insert(ada)).toEqual({ outcome: "inserted" });
    expect(await store.findById(ada.id)).toEqual(ada);
    expect(await store.findByUsername("aDA")).toEqual(ada);
    expect(await store.findByLogin("ada@EXAMPLE.org")).toEqual(ada);
    expect(await store.findByLogin("ada")).toEqual(ada);
    expect(await store.findByUsername("ada@example.org")).toBeUndefined();
    expect(await events()).toMatchObject([{ type: "USER_REGISTERED", userId: ada.id, email: "Ada@Example.org" }]);
  });

  test("ASVS 2.3.3: stores neither when the event cannot be stored", async () => {
    failing = true;
    await expect(insert(ada)).rejects.toThrow("could not be stored");
    expect(await store.findById(ada.id)).toBeUndefined();
  });

  test("gives the user who has the id already, without a second event", async () => {
    await insert(ada);
    expect(await insert(ada)).toEqual({ outcome: "exists", user: ada });
    expect(await events()).toHaveLength(1);
  });

  test("names all fields that are taken, in any case of letters", async () => {
    await insert(ada);
    expect(await insert({ ...bob, username: "ADA" })).toEqual({ outcome: "taken", fields: ["username"] });
    const both = { ...bob, username: "ada", email: "ADA@EXAMPLE.ORG" };
    expect(await insert(both)).toEqual({ outcome: "taken", fields: ["username", "email"] });
    expect(await events()).toHaveLength(1);
  });

  test("ASVS 2.3.4: of many that want one name at once, one gets it", async () => {
    const ids = Array.from({ length: 10 }, (_, index) => `6f1c2a34-0d6b-4f7e-9c1d-00000000010${index}`);
    const results = await Promise.all(ids.map((id) => insert({ ...bob, id, email: `${id}@example.org` })));
    expect(results.filter((result) => result.outcome === "inserted")).toHaveLength(1);
    expect(results.filter((result) => result.outcome === "taken")).toHaveLength(9);
    expect(await events()).toHaveLength(1);
  });

  test("changes only what is given, and says which field another user holds", async () => {
    await insert(ada);
    await insert(bob);
    const changed = await store.update(bob.id, { lastName: "" }, bob.updatedAtMs + 5);
    expect(changed).toEqual({ outcome: "updated", user: { ...bob, lastName: "", updatedAtMs: bob.updatedAtMs + 5 } });
    expect(await store.update(bob.id, { email: "ADA@example.org" }, 0)).toEqual({
      outcome: "taken",
      fields: ["email"],
    });
    expect(await store.update("nobody", { lastName: "x" }, 0)).toEqual({ outcome: "unknown" });
  });

  test("removes a user with an event, once, and frees the name", async () => {
    await insert(ada);
    const removal = (user: User) => userRemoved(user.id, 0);
    expect(await store.remove(ada.id, removal)).toEqual(ada);
    expect(await store.remove(ada.id, removal)).toBeUndefined();
    expect((await events()).map((event) => event.type)).toEqual(["USER_REGISTERED", "USER_REMOVED"]);
    expect(await insert({ ...bob, username: "ada" })).toEqual({ outcome: "inserted" });
  });

  test("finds many by id and leaves out what there is not", async () => {
    await insert(ada);
    await insert(bob);
    const found = await store.findByIds([bob.id, "nobody", ada.id]);
    expect(found.map((user) => user.id).sort()).toEqual([ada.id, bob.id]);
  });
});
