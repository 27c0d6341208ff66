/**
 * Publishes what the outbox holds, in order, at least once. Every instance of a service runs a relay; an advisory lock
 * lets one work at a time, batch by batch, and another takes over when it goes.
 *
 * It reads only rows of transactions older than every one still in progress, by (transaction, position): nothing with a
 * smaller place can appear later, so nothing is skipped and what is published is in order. The price is that one long
 * transaction anywhere in the database holds all publishing up, which is why the lag is measured.
 *
 * An event that cannot be published stops those behind it, or order would be lost; it is tried again with backoff. What
 * was published but not marked, because the database went away in between, is published again: consumers recognize it
 * by its event id (`processed-events.ts`).
 */
import { backoffDelayMs } from "../backoff.ts";
import type { Clock, Timer } from "../clock.ts";
import { metricNames } from "../diagnostics.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Database, Transaction } from "../postgres/database.ts";
import type { Random } from "../random.ts";
import type { EventEnvelope } from "./event-envelope.ts";
import { type OutboxEvent, outboxChannel } from "./outbox-table.ts";

export interface OutboxRelayOptions {
  readonly database: Database;
  /** Resolves when the broker has taken the event for good. */
  readonly publish: (event: OutboxEvent) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where the lag is shown; nowhere but in `stats` when absent. */
  readonly metrics?: Metrics;
  /** Look at least so often; notices only make it faster. Default 300. */
  readonly pollMs?: number;
  /** Events per transaction. Default 100. */
  readonly batchSize?: number;
  /** An event that takes longer counts as failed. Default 10 000; a whole batch must stay under a minute. */
  readonly publishTimeoutMs?: number;
  /** Published rows are deleted after so long. Default 24 hours. */
  readonly retentionMs?: number;
}

export interface OutboxRelayStats {
  /** Age of the oldest unpublished event, as of the last look; 0 when there is none. For a gauge and its alert. */
  readonly oldestUnpublishedMs: number;
  readonly unpublished: number;
  /** Published by this instance since it started. */
  readonly published: number;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
}

interface OutboxRow {
  readonly position: string;
  readonly topic: string;
  readonly key: string;
  readonly envelope: EventEnvelope;
}

const LAG_EVERY_MS = 1000;
const CLEAN_EVERY_MS = 60_000;
const CLEAN_ROWS = 10_000;
/** A batch that lasts longer is cut short, well before the server ends an idle transaction after a minute. */
const BATCH_MAX_MS = 20_000;
const FAILURE_BACKOFF = { baseMs: 100, maxMs: 10_000 };

type OutboxTotals = ReturnType<typeof outboxTotals>;

function outboxTotals(metrics: Metrics, lag: () => { oldestUnpublishedMs: number; unpublished: number }) {
  metrics.gauge(metricNames.outboxOldest, (gauge) => gauge.set(lag().oldestUnpublishedMs / 1000));
  metrics.gauge(metricNames.outboxWaiting, (gauge) => gauge.set(lag().unpublished));
  return {
    published: metrics.counter(metricNames.outboxPublished),
    failed: metrics.counter(metricNames.outboxFailures),
  };
}

export class OutboxRelay {
  readonly #settings: Required<Omit<OutboxRelayOptions, "metrics">>;
  readonly #database: Database;
  readonly #totals: OutboxTotals | undefined;
  #stopListening: (() => Promise<void>) | undefined;
  #timer: Timer | undefined;
  #working: Promise<void> | undefined;
  #workAgain = false;
  #closed = false;
  #published = 0;
  #failures = 0;
  #lag = { oldestUnpublishedMs: 0, unpublished: 0 };
  #nextLagMs = 0;
  #nextCleanMs = 0;
  #adopted = false;

  constructor(options: OutboxRelayOptions) {
    this.#settings = {
      pollMs: 300,
      batchSize: 100,
      publishTimeoutMs: 10_000,
      retentionMs: 24 * 60 * 60 * 1000,
      ...options,
    };
    this.#database = options.database;
    this.#totals = options.metrics && outboxTotals(options.metrics, () => this.#lag);
  }

  async start(): Promise<void> {
    this.#stopListening = await this.#database.listen(outboxChannel(this.#database.schema), () => this.#wake());
    this.#wake();
  }

  stats(): OutboxRelayStats {
    return { ...this.#lag, published: this.#published, consecutiveFailures: this.#failures };
  }

  /** Finishes the event under way and stops. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#stopListening?.();
    await this.#working;
  }

  #wake(): void {
    // While failing, only the timer counts: new events must not shorten the backoff.
    if (this.#closed || (this.#failures > 0 && this.#timer !== undefined)) return;
    this.#workAgain = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (!this.#closed) this.#planNext();
    });
  }

  #planNext(): void {
    this.#timer?.cancel();
    const { clock, random, pollMs } = this.#settings;
    const delayMs =
      this.#failures === 0 ? pollMs : pollMs + backoffDelayMs({ attempt: this.#failures, ...FAILURE_BACKOFF, random });
    this.#timer = clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#wake();
      },
      this.#workAgain && this.#failures === 0 ? 0 : delayMs,
    );
  }

  async #work(): Promise<void> {
    try {
      while (this.#workAgain && !this.#closed) {
        this.#workAgain = false;
        const published = await this.#database.transaction((tx) => this.#publishBatch(tx));
        if (published === this.#settings.batchSize) this.#workAgain = true;
        await this.#upkeep();
      }
    } catch (error) {
      this.#failures++;
      this.#totals?.failed.inc();
      this.#settings.logger.warn({ err: error, failures: this.#failures }, "the outbox could not be published yet");
    }
  }

  async #publishBatch(tx: Transaction): Promise<number> {
    const [lock] = await tx.query<{ held: boolean }>({
      name: "outbox-lock",
      text: "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.outbox', 0)) AS held",
    });
    if (lock?.held !== true) return 0;
    if (!this.#adopted) await this.#adoptRestoredRows(tx);
    const rows = await tx.query<OutboxRow>(
      {
        name: "outbox-read",
        text: `SELECT position, topic, key, envelope FROM outbox
          WHERE published_at IS NULL AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
          ORDER BY transaction_id, position LIMIT $1`,
      },
      [this.#settings.batchSize],
    );
    const done: string[] = [];
    const failure = await this.#publishInOrder(rows, done);
    if (done.length > 0) {
      await tx.query(
        { name: "outbox-mark", text: "UPDATE outbox SET published_at = now() WHERE position = ANY($1::bigint[])" },
        [done],
      );
    }
    this.#published += done.length;
    this.#totals?.published.inc(done.length);
    this.#noteOutcome(failure);
    return done.length;
  }

  /** Fills `done` with the positions that were published; gives the failure that ended it early. */
  async #publishInOrder(rows: readonly OutboxRow[], done: string[]): Promise<{ error: unknown } | undefined> {
    const { clock } = this.#settings;
    const untilMs = clock.monotonicMs() + BATCH_MAX_MS;
    for (const { position, topic, key, envelope } of rows) {
      if (this.#closed) return undefined;
      if (clock.monotonicMs() > untilMs) {
        this.#workAgain = true;
        return undefined;
      }
      try {
        await this.#publishInTime({ topic, key, envelope });
        done.push(position);
      } catch (error) {
        return { error };
      }
    }
    return undefined;
  }

  async #publishInTime(event: OutboxEvent): Promise<void> {
    const { clock, publish, publishTimeoutMs } = this.#settings;
    const inTime = new AbortController();
    const late = clock.sleep(publishTimeoutMs, inTime.signal).then(
      () => {
        throw new Error(`publishing event ${event.envelope.eventId} took longer than ${publishTimeoutMs} ms`);
      },
      () => {},
    );
    try {
      await Promise.race([publish(event), late]);
    } finally {
      inTime.abort();
    }
  }

  #noteOutcome(failure: { error: unknown } | undefined): void {
    if (failure === undefined) {
      this.#failures = 0;
      return;
    }
    this.#failures++;
    this.#totals?.failed.inc();
    this.#workAgain = false;
    const about = { err: failure.error, failures: this.#failures };
    this.#settings.logger.warn(about, "an event could not be published and holds up those behind it");
  }

  /**
   * Rows restored into another server carry transaction ids of the old one, which may lie far ahead and would then wait
   * for years. A row that is visible yet newer than every transaction can only be such a row; it goes first.
   */
  async #adoptRestoredRows(tx: Transaction): Promise<void> {
    await tx.query(`UPDATE outbox SET transaction_id = '0'
      WHERE published_at IS NULL AND transaction_id >= pg_snapshot_xmax(pg_current_snapshot())`);
    this.#adopted = true;
  }

  async #upkeep(): Promise<void> {
    const nowMs = this.#settings.clock.monotonicMs();
    if (nowMs >= this.#nextLagMs) {
      this.#nextLagMs = nowMs + LAG_EVERY_MS;
      await this.#measureLag();
    }
    if (nowMs >= this.#nextCleanMs) {
      this.#nextCleanMs = nowMs + CLEAN_EVERY_MS;
      await this.#deletePublished();
    }
  }

  async #measureLag(): Promise<void> {
    const [row] = await this.#database.query<{ unpublished: number; oldest_ms: number }>({
      name: "outbox-lag",
      text: `SELECT count(*)::int AS unpublished,
          coalesce(extract(epoch FROM clock_timestamp() - min(created_at)) * 1000, 0)::float8 AS oldest_ms
        FROM outbox WHERE published_at IS NULL`,
    });
    if (row !== undefined) this.#lag = { oldestUnpublishedMs: row.oldest_ms, unpublished: row.unpublished };
  }

  async #deletePublished(): Promise<void> {
    const rows = await this.#database.query(
      {
        name: "outbox-clean",
        text: `DELETE FROM outbox WHERE position IN (
            SELECT position FROM outbox WHERE published_at < now() - $1::float8 * interval '1 millisecond' LIMIT $2
          ) RETURNING 1 AS deleted`,
      },
      [this.#settings.retentionMs, CLEAN_ROWS],
    );
    if (rows.length === CLEAN_ROWS) this.#nextCleanMs = 0;
  }
}
