import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import { createEnvelope } from "../src/outbox/event-envelope.ts";
import { OutboxRelay, type OutboxRelayOptions } from "../src/outbox/outbox-relay.ts";
import { ensureOutboxTables, type OutboxEvent, writeOutbox } from "../src/outbox/outbox-table.ts";
import { ensureProcessedEventsTable, forgetProcessed, markProcessed } from "../src/outbox/processed-events.ts";
import type { Database, Queryable } from "../src/postgres/database.ts";
import { openDatabase } from "../src/postgres/open-database.ts";
import { DatabaseUnavailableError } from "../src/postgres/postgres-error.ts";
import { systemRandom } from "../src/random.ts";
import { silentLogger } from "../src/testing/silent-logger.ts";
import { until } from "../src/testing/until.ts";
import { startTestPostgres, type TestPostgres } from "./stores.ts";

const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
let postgres: TestPostgres;
let database: Database;
const relays: OutboxRelay[] = [];

const open = () =>
  openDatabase({
    connectionString: postgres.url,
    schema: "outbox_test",
    applicationName: "test",
    logger: silentLogger,
  });
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await open();
  await Promise.all([ensureOutboxTables(database), ensureProcessedEventsTable(database)]);
});
beforeEach(() => database.query("TRUNCATE outbox, processed_events"));
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
});
afterAll(async () => {
  await database.close();
  await postgres.close();
});

const write = (tx: Queryable, number: number) =>
  writeOutbox(tx, {
    topic: "todo-events",
    key: "user-1",
    envelope: createEnvelope({ type: "TodoCreated", category: "todo", correlationId: "c", payload: { number } }, parts),
  });
const numberOf = ({ envelope }: OutboxEvent) => (envelope.payload as { number: number }).number;

const startRelay = async (options: Partial<OutboxRelayOptions> = {}) => {
  const published: number[] = [];
  const relay = new OutboxRelay({
    ...parts,
    database,
    pollMs: 20,
    publish: async (event) => void published.push(numberOf(event)),
    ...options,
  });
  relays.push(relay);
  await relay.start();
  return { relay, published };
};

describe("writeOutbox", () => {
  test("keeps the event only if its transaction commits", async () => {
    const undone = database.transaction(async (tx) => {
      await write(tx, 1);
      throw new Error("undone");
    });
    await expect(undone).rejects.toThrow("undone");
    await database.transaction((tx) => write(tx, 2));
    const rows = await database.query("SELECT topic, key, type, envelope->'payload'->'number' AS number FROM outbox");
    expect(rows).toEqual([{ topic: "todo-events", key: "user-1", type: "TodoCreated", number: 2 }]);
  });

  test("names a bad field", async () => {
    const envelope = createEnvelope({ type: "T", category: "c", correlationId: "c", payload: null }, parts);
    await expect(writeOutbox(database, { topic: "", key: "k", envelope })).rejects.toThrow(/^topic: 0 characters/);
  });
});

describe("OutboxRelay", () => {
  test("publishes in order, each event once, and is woken by new ones", async () => {
    for (let number = 1; number <= 5; number++) await write(database, number);
    const { relay, published } = await startRelay({ pollMs: 60_000, batchSize: 2 });
    await until("the stored ones are published", () => published.length === 5);
    const unmarked = "SELECT 1 FROM outbox WHERE published_at IS NULL";
    await until("they are marked", async () => (await database.query(unmarked)).length === 0);
    await write(database, 6);
    await until("the new one is published", () => published.length === 6);
    expect(published).toEqual([1, 2, 3, 4, 5, 6]);
    // Counted once it is marked, a moment after it was published.
    await until("all are counted", () => relay.stats().published === 6);
    expect(relay.stats()).toMatchObject({ consecutiveFailures: 0 });
  });

  test("does not skip an event whose transaction commits after a later one", async () => {
    const gate = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    const slow = database.transaction(async (tx) => {
      await write(tx, 1);
      written.resolve();
      await gate.promise;
    });
    await written.promise;
    await database.transaction((tx) => write(tx, 2));
    const { relay, published } = await startRelay();
    await until("it has looked", () => relay.stats().unpublished === 1);
    expect(published).toEqual([]);
    gate.resolve();
    await slow;
    await until("both are published", () => published.length === 2);
    expect(published).toEqual([1, 2]);
  });

  test("stops at an event that cannot be published, tells its lag, and goes on in order", async () => {
    let healthy = false;
    const published: number[] = [];
    const metrics = new Metrics();
    const shown = async (name: string) => {
      const { text } = await metrics.render();
      return Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1]);
    };
    const { relay } = await startRelay({
      metrics,
      publish: async (event) => {
        if (numberOf(event) === 2 && !healthy) throw new Error("the broker is away");
        published.push(numberOf(event));
      },
    });
    await database.transaction(async (tx) => {
      for (const number of [1, 2, 3]) await write(tx, number);
    });
    await until("it failed", () => relay.stats().consecutiveFailures > 0);
    await until("the lag is known", () => relay.stats().oldestUnpublishedMs > 0);
    expect(published).toEqual([1]);
    expect(await shown("weft_outbox_oldest_seconds")).toBeGreaterThan(0);
    expect(await shown("weft_outbox_waiting")).toBeGreaterThan(0);
    expect(await shown("weft_outbox_failures_total")).toBeGreaterThan(0);
    healthy = true;
    await until("all are published", () => published.length === 3);
    expect(published).toEqual([1, 2, 3]);
    await until("all are counted", async () => (await shown("weft_outbox_published_total")) === 3);
  });

  test("counts an event that hangs as failed", async () => {
    const { relay } = await startRelay({ publish: () => new Promise(() => {}), publishTimeoutMs: 20 });
    await write(database, 1);
    await until("it failed", () => relay.stats().consecutiveFailures > 0);
    expect(relay.stats().published).toBe(0);
  });

  test("works in one instance at a time, and another goes on where it stopped", async () => {
    const published: number[] = [];
    let publishing = 0;
    let most = 0;
    const publish = async (event: OutboxEvent) => {
      most = Math.max(most, ++publishing);
      await new Promise((resolve) => setTimeout(resolve, 1));
      published.push(numberOf(event));
      publishing--;
    };
    const first = await startRelay({ publish, batchSize: 5 });
    await startRelay({ publish, batchSize: 5 });
    for (let number = 1; number <= 20; number++) await write(database, number);
    await until("some are published", () => published.length >= 5);
    await first.relay.close();
    for (let number = 21; number <= 30; number++) await write(database, number);
    await until("all are published", () => published.length >= 30);
    expect(published).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(most).toBe(1);
  });

  test("deletes published rows after their retention", async () => {
    const { published } = await startRelay({ retentionMs: 0 });
    await write(database, 1);
    await until("it is published", () => published.length === 1);
    await relays.pop()?.close();
    await startRelay({ retentionMs: 0 });
    await until("it is deleted", async () => (await database.query("SELECT 1 FROM outbox")).length === 0);
  });

  test("publishes rows that were restored from a server with later transactions", async () => {
    await write(database, 1);
    await database.query("UPDATE outbox SET transaction_id = '999999999999'");
    const { published } = await startRelay();
    await until("it is published", () => published.length === 1);
  });

  test("publishes everything that was committed when the database restarts under load", async () => {
    const seen = new Set<number>();
    await startRelay({ publish: async (event) => void seen.add(numberOf(event)) });
    const committed: number[] = [];
    let running = true;
    const writer = async () => {
      for (let number = 1; running; number++) {
        try {
          await database.transaction((tx) => write(tx, number));
          committed.push(number);
        } catch (error) {
          if (!(error instanceof DatabaseUnavailableError)) throw error;
        }
      }
    };
    const writing = writer();
    await until("events flow", () => seen.size > 20);
    await postgres.stop();
    await postgres.start();
    const before = seen.size;
    await until("events flow again", () => seen.size > before + 20);
    running = false;
    await writing;
    await until("all are published", () => committed.every((number) => seen.has(number)));
    expect(committed.filter((number) => !seen.has(number))).toEqual([]);
  });
});

describe("markProcessed", () => {
  test("lets one of several deliveries have an effect, for each consumer", async () => {
    let effects = 0;
    const handle = (consumer: string) =>
      database.transaction(async (tx) => {
        if (await markProcessed(tx, consumer, "event-1")) effects++;
      });
    await Promise.all([handle("a"), handle("a"), handle("a"), handle("b")]);
    expect(effects).toBe(2);
  });

  test("forgets the mark with an effect that failed, and old marks on demand", async () => {
    const failing = database.transaction(async (tx) => {
      await markProcessed(tx, "a", "event-1");
      throw new Error("no effect");
    });
    await expect(failing).rejects.toThrow("no effect");
    expect(await markProcessed(database, "a", "event-1")).toBe(true);
    expect(await forgetProcessed(database, 60_000)).toBe(0);
    expect(await forgetProcessed(database, -1)).toBe(1);
  });
});
