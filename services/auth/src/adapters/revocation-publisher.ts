/**
 * Tells the mesh, over Redis, which sessions have ended; `verifier/revocation-protocol.ts` says how.
 *
 * The database is the truth: an ended session is announced by whoever ended it, and if that fails, by the heartbeat of
 * any instance, which announces what the database has as ended and not announced before it says "complete up to now". An
 * instance that cannot reach the database sends no heartbeat, so silence means "ask". When Redis was away (it may be
 * back empty, or with its last second missing) every session that ended within the life of an access token is written
 * again, and the epoch, which declares the index complete, last.
 */
import type { Clock, Logger, PubSub, Random, RedisHandles } from "@weft/mesh";
import type { RevocationAnnouncer } from "../domain/ports.ts";
import {
  encodeRevocationMessage,
  type Revocation,
  revocationChannel,
  revocationHeartbeatMs,
  revocationKeys,
} from "../verifier/revocation-protocol.ts";

/** Sessions that ended, as the database knows them. */
export interface EndedSessions {
  /** Ended at or after the instant and not announced yet, oldest first. */
  unannounced(sinceMs: number, limit: number): Promise<readonly { sessionId: string; endedAtMs: number }[]>;
  /** Everything that ended at or after the instant. */
  endedSince(sinceMs: number): Promise<readonly { sessionId: string; endedAtMs: number }[]>;
  markAnnounced(sessionIds: readonly string[], atMs: number): Promise<void>;
}

export interface RevocationPublisherOptions {
  readonly ended: EndedSessions;
  readonly redis: Pick<RedisHandles, "commands" | "state" | "onStateChange">;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Life of an access token: how long an ended session matters. */
  readonly accessTokenMs: number;
}

const batch = 500;
/** A refresh that raced the end may have signed a token a moment after it. */
const slackMs = 60_000;

export class RevocationPublisher implements RevocationAnnouncer {
  readonly #options: RevocationPublisherOptions;
  /** Set while the index may lack something that only the database has. */
  #rebuildDue = false;
  #stopListening: (() => void) | undefined;
  #loop: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(options: RevocationPublisherOptions) {
    this.#options = options;
  }

  /** Begins the heartbeat. */
  start(): void {
    this.#stopListening = this.#options.redis.onStateChange((state) => {
      this.#rebuildDue ||= state === "away";
    });
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#stopListening?.();
    await this.#loop;
  }

  /** Announces ended sessions now. Never throws: the heartbeat repeats what fails here. */
  async announce(sessionIds: readonly string[]): Promise<void> {
    const { ended, clock, logger, accessTokenMs } = this.#options;
    const nowMs = clock.now();
    const untilMs = nowMs + accessTokenMs + slackMs;
    try {
      for (let at = 0; at < sessionIds.length; at += batch) {
        const part = sessionIds.slice(at, at + batch);
        await this.#publish(part.map((sessionId) => ({ sessionId, untilMs })));
        await ended.markAnnounced(part, nowMs);
      }
    } catch (error) {
      logger.warn({ err: error, sessionIds }, "ended sessions could not be announced yet");
    }
  }

  /** One heartbeat: announces what is left over, fills an index that is not complete, says so. */
  async beat(): Promise<void> {
    const { ended, redis, clock, accessTokenMs } = this.#options;
    const nowMs = clock.now();
    const sinceMs = nowMs - accessTokenMs - slackMs;
    let left = await ended.unannounced(sinceMs, batch);
    while (left.length > 0) {
      await this.#publish(left.map((one) => revocationOf(one, accessTokenMs)));
      await ended.markAnnounced(
        left.map((one) => one.sessionId),
        nowMs,
      );
      left = left.length < batch ? [] : await ended.unannounced(sinceMs, batch);
    }
    if (this.#rebuildDue || (await redis.commands.exists(revocationKeys.epoch)) === 0) {
      await this.#rebuild(sinceMs);
    }
    await redis.commands.zremrangebyscore(revocationKeys.index, "-inf", nowMs);
    const [epoch, sequence] = await redis.commands.mget(revocationKeys.epoch, revocationKeys.sequence);
    if (typeof epoch === "string") {
      await this.#send(epoch, Number(sequence ?? 0), []);
    }
  }

  async #run(): Promise<void> {
    const { clock, logger, redis } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        if (redis.state() === "ready") {
          await this.beat();
        }
      } catch (error) {
        logger.warn({ err: error }, "no revocation heartbeat: verifiers will ask for each token");
      }
      await clock.sleep(revocationHeartbeatMs, this.#stop.signal).catch(() => undefined);
    }
  }

  async #rebuild(sinceMs: number): Promise<void> {
    const { ended, redis, random, clock, accessTokenMs } = this.#options;
    // Cleared first: Redis going away again while this runs must not be forgotten.
    this.#rebuildDue = false;
    try {
      const all = await ended.endedSince(sinceMs);
      for (let at = 0; at < all.length; at += batch) {
        const part = all.slice(at, at + batch).map((one) => revocationOf(one, accessTokenMs));
        await index(redis, part, clock.now());
      }
      await redis.commands.set(revocationKeys.epoch, random.id());
    } catch (error) {
      this.#rebuildDue = true;
      throw error;
    }
  }

  async #publish(revoked: readonly Revocation[]): Promise<void> {
    const { redis, clock } = this.#options;
    // The index before the number, in this order on one connection: whoever reads the number finds the index behind it.
    const [, sequence, epoch] = await Promise.all([
      index(redis, revoked, clock.now()),
      redis.commands.incr(revocationKeys.sequence),
      redis.commands.get(revocationKeys.epoch),
    ]);
    // Without an epoch the index is not complete; the message still names the sessions, and its readers stay unsynced.
    await this.#send(epoch ?? "", sequence, revoked);
  }

  async #send(epoch: string, sequence: number, revoked: readonly Revocation[]): Promise<void> {
    await this.#options.pubsub.publish(revocationChannel, encodeRevocationMessage({ epoch, sequence, revoked }));
  }
}

function revocationOf(one: { sessionId: string; endedAtMs: number }, accessTokenMs: number): Revocation {
  return { sessionId: one.sessionId, untilMs: one.endedAtMs + accessTokenMs + slackMs };
}

async function index(
  redis: Pick<RedisHandles, "commands">,
  revoked: readonly Revocation[],
  nowMs: number,
): Promise<void> {
  const members = revoked.flatMap(({ sessionId, untilMs }) => [untilMs, sessionId]);
  await Promise.all([
    redis.commands.zadd(revocationKeys.index, ...members),
    ...revoked.map(({ sessionId, untilMs }) =>
      redis.commands.set(revocationKeys.session(sessionId), "1", "PX", Math.max(1, Math.ceil(untilMs - nowMs))),
    ),
  ]);
}
