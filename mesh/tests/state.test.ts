import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import type { Database } from "../src/postgres/database.ts";
import { openDatabase } from "../src/postgres/open-database.ts";
import { createMemoryState } from "../src/state/memory-state.ts";
import { createPostgresState, ensureStateTable } from "../src/state/postgres-state.ts";
import { stateContract } from "../src/testing/contracts/state-contract.ts";
import { silentLogger } from "../src/testing/silent-logger.ts";
import { startTestPostgres, type TestPostgres } from "./stores.ts";

stateContract("memory", async () => ({ state: createMemoryState({ clock: systemClock }), close: async () => {} }));

describe("on PostgreSQL", () => {
  let postgres: TestPostgres;
  let database: Database;
  beforeAll(async () => {
    postgres = await startTestPostgres();
    database = await openDatabase({
      connectionString: postgres.url,
      schema: "state_test",
      applicationName: "test",
      logger: silentLogger,
    });
    await Promise.all([ensureStateTable(database), ensureStateTable(database)]);
  });
  afterAll(async () => {
    await database.close();
    await postgres.close();
  });

  stateContract("postgres", async () => {
    await database.query("TRUNCATE state");
    return { state: createPostgresState(database), close: async () => {} };
  });

  test("takes part in the caller's transaction", async () => {
    const failing = database.transaction(async (tx) => {
      await createPostgresState(tx).set("last_generated_at", "2026-01-01");
      throw new Error("undone");
    });
    await expect(failing).rejects.toThrow("undone");
    expect(await createPostgresState(database).get("last_generated_at")).toBeUndefined();
  });
});
