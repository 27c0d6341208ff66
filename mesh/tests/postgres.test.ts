import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../src/postgres/database.ts";
import { ensureTables } from "../src/postgres/ensure-tables.ts";
import { migrateDatabase } from "../src/postgres/migrate.ts";
import { type OpenDatabaseOptions, openDatabase } from "../src/postgres/open-database.ts";
import { DatabaseUnavailableError, UniqueViolationError } from "../src/postgres/postgres-error.ts";
import { silentLogger } from "../src/testing/silent-logger.ts";
import { until } from "../src/testing/until.ts";
import { startTestPostgres, type TestPostgres } from "./stores.ts";

let postgres: TestPostgres;
let url: string;
const opened: Database[] = [];
beforeAll(async () => {
  postgres = await startTestPostgres();
  url = await postgres.createDatabase("weft");
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.close()));
});
afterAll(() => postgres.close());

const open = async (options: Partial<OpenDatabaseOptions> = {}) => {
  const database = await openDatabase({
    connectionString: url,
    schema: "test_schema",
    applicationName: "test",
    logger: silentLogger,
    ...options,
  });
  opened.push(database);
  return database;
};

describe("openDatabase", () => {
  test("runs statements in its own schema only", async () => {
    await postgres.admin("CREATE TABLE public.foreign_table (id int)", url);
    const database = await open();
    const rows = await database.query<{ path: string; sum: number }>(
      "SELECT current_setting('search_path') AS path, $1::int + 1 AS sum",
      [41],
    );
    expect(rows).toEqual([{ path: "test_schema", sum: 42 }]);
    await expect(database.query("SELECT * FROM foreign_table")).rejects.toMatchObject({ code: "42P01" });
  });

  test("prepares named statements once per connection", async () => {
    const database = await open({ maxConnections: 1 });
    const statement = { name: "add-one", text: "SELECT $1::int + 1 AS sum" };
    expect(await database.query(statement, [1])).toEqual([{ sum: 2 }]);
    expect(await database.query(statement, [2])).toEqual([{ sum: 3 }]);
    expect(await database.query("SELECT name FROM pg_prepared_statements")).toEqual([{ name: "add-one" }]);
  });

  test("names the constraint that refused a row, and keeps the connection", async () => {
    const database = await open({ maxConnections: 1 });
    await ensureTables(database, ["CREATE TABLE IF NOT EXISTS named (id int CONSTRAINT named_id PRIMARY KEY)"]);
    const pid = () => database.query("SELECT pg_backend_pid() AS pid");
    const before = await pid();
    await database.query("INSERT INTO named VALUES (1)");
    const refused = database.query("INSERT INTO named VALUES (1)");
    await expect(refused).rejects.toBeInstanceOf(UniqueViolationError);
    await expect(refused).rejects.toMatchObject({ constraint: "named_id" });
    expect(await pid()).toEqual(before);
  });

  test("ends a statement that takes longer than its limit", async () => {
    const database = await open({ statementTimeoutMs: 50 });
    await expect(database.query("SELECT pg_sleep(10)")).rejects.toMatchObject({ code: "57014" });
  });

  test("says when no connection becomes free, and reports its pool", async () => {
    const database = await open({ maxConnections: 1, connectTimeoutMs: 50 });
    await database.transaction(async () => {
      expect(database.stats()).toEqual({ total: 1, idle: 0, waiting: 0, max: 1 });
      await expect(database.query("SELECT 1")).rejects.toMatchObject({ reason: "pool-exhausted" });
    });
    expect(database.stats()).toEqual({ total: 1, idle: 1, waiting: 0, max: 1 });
    expect(await database.ping()).toBeGreaterThanOrEqual(0);
  });

  test("gives up when the database does not come", async () => {
    const unreachable = open({ connectionString: "postgres://nobody@127.0.0.1:1/none", startTimeoutMs: 20 });
    await expect(unreachable).rejects.toBeInstanceOf(DatabaseUnavailableError);
  });

  test("refuses a schema name that could not stand unquoted", async () => {
    await expect(open({ schema: 'x"; DROP' })).rejects.toThrow(/^schema: /);
  });
});

describe("transaction", () => {
  test("undoes everything when its function rejects", async () => {
    const database = await open();
    await ensureTables(database, ["CREATE TABLE IF NOT EXISTS undone (id int)"]);
    const failing = database.transaction(async (tx) => {
      await tx.query("INSERT INTO undone VALUES (1)");
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await database.query("SELECT * FROM undone")).toEqual([]);
  });

  test("runs again after losing against a concurrent one", async () => {
    const database = await open();
    await ensureTables(database, ["CREATE TABLE IF NOT EXISTS counter (value int)"]);
    await database.query("INSERT INTO counter VALUES (0)");
    let runs = 0;
    const allHaveRead = Promise.withResolvers<void>();
    const increment = () =>
      database.transaction(
        async (tx) => {
          const [row] = await tx.query<{ value: number }>("SELECT value FROM counter");
          // All three read the same value before one writes, so two of them must lose.
          if (++runs === 3) allHaveRead.resolve();
          await allHaveRead.promise;
          await tx.query("UPDATE counter SET value = $1", [(row?.value ?? 0) + 1]);
        },
        { isolation: "serializable" },
      );
    await Promise.all([increment(), increment(), increment()]);
    expect(await database.query("SELECT value FROM counter")).toEqual([{ value: 3 }]);
    expect(runs).toBeGreaterThan(3);
  });

  test("refuses statements after its end", async () => {
    const database = await open();
    const tx = await database.transaction(async (inner) => inner);
    await expect(tx.query("SELECT 1")).rejects.toThrow("the transaction has ended");
  });
});

describe("listen", () => {
  test("hears notifications, and calls once after a restart of the server", async () => {
    const database = await open();
    const heard: string[] = [];
    const stop = await database.listen("news", (payload) => void heard.push(payload));
    await database.query("SELECT pg_notify('news', 'first')");
    await until("the first is heard", () => heard.length === 1);
    await postgres.stop();
    await postgres.start();
    await until("the reconnection is announced", () => heard.length === 2);
    await database.query("SELECT pg_notify('news', 'second')");
    await until("the second is heard", () => heard.length === 3);
    expect(heard).toEqual(["first", "", "second"]);
    await stop();
  });
});

describe("restart under load", () => {
  test("fails statements as unavailable, loses no committed row, and works again by itself", async () => {
    const database = await open({ maxConnections: 4 });
    await ensureTables(database, ["CREATE TABLE IF NOT EXISTS load (id int PRIMARY KEY)"]);
    const confirmed = new Set<number>();
    const uncertain = new Set<number>();
    const others: unknown[] = [];
    let next = 0;
    let running = true;
    const worker = async () => {
      while (running) {
        const id = next++;
        try {
          await database.transaction((tx) => tx.query("INSERT INTO load VALUES ($1)", [id]));
          confirmed.add(id);
        } catch (error) {
          if (!(error instanceof DatabaseUnavailableError)) others.push(error);
          else if (error.outcomeUnknown) uncertain.add(id);
        }
      }
    };
    const workers = [worker(), worker(), worker(), worker()];
    await until("rows arrive", () => confirmed.size > 20);
    await postgres.stop();
    await postgres.start();
    const before = confirmed.size;
    await until("rows arrive again", () => confirmed.size > before + 20);
    running = false;
    await Promise.all(workers);
    expect(others).toEqual([]);
    const rows = await database.query<{ id: number }>("SELECT id FROM load");
    const stored = new Set(rows.map((row) => row.id));
    expect([...confirmed].filter((id) => !stored.has(id))).toEqual([]);
    expect([...stored].filter((id) => !confirmed.has(id) && !uncertain.has(id))).toEqual([]);
  });
});

describe("migrations", () => {
  let folder: string;
  const migration = (name: string, sql: string) => writeFile(join(folder, name), sql);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weft-test-migrations-"));
    await migration("001_users.sql", "CREATE TABLE users (id int PRIMARY KEY);\nSELECT pg_sleep(0.1);");
    await migration("002_email.sql", "ALTER TABLE users ADD COLUMN email text;\n");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("run once when several instances start together", async () => {
    const together = [1, 2, 3].map(() => open({ schema: "migrated", migrationsDir: folder }));
    const [database] = await Promise.all(together);
    const rows = await database?.query<{ name: string }>("SELECT name FROM schema_migrations ORDER BY id");
    expect(rows).toEqual([{ name: "001_users" }, { name: "002_email" }]);
    expect(await database?.query("SELECT id, email FROM users")).toEqual([]);
  });

  test("leave nothing behind when one of them fails, and do not run again when done", async () => {
    const options = { connectionString: url, applicationName: "test", logger: silentLogger, schema: "failing" };
    await migration("003_broken.sql", "CREATE TABLE broken (id nonsense);\n");
    await expect(migrateDatabase({ ...options, migrationsDir: folder })).rejects.toThrow("nonsense");
    await rm(join(folder, "003_broken.sql"));
    expect(await migrateDatabase({ ...options, migrationsDir: folder })).toEqual(["001_users", "002_email"]);
    expect(await migrateDatabase({ ...options, migrationsDir: folder })).toEqual([]);
  });

  test("work for a role that may not create schemas when its schema exists, and explain when it does not", async () => {
    await postgres.admin("CREATE ROLE service LOGIN PASSWORD 'service'", url);
    await postgres.admin("CREATE SCHEMA owned AUTHORIZATION service", url);
    const connectionString = url.replace("postgres:postgres@", "service:service@");
    const database = await open({ connectionString, schema: "owned", migrationsDir: folder });
    expect(await database.query("SELECT id FROM users")).toEqual([]);
    const refused = open({ connectionString, schema: "absent", migrationsDir: folder });
    await expect(refused).rejects.toThrow('the schema "absent" does not exist and this role may not create it');
  });
});
