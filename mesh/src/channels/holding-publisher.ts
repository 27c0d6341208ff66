import { backoffDelayMs } from "../backoff.ts";
import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Random } from "../random.ts";
import { RedisAwayError } from "../redis/redis-error.ts";
import type { ChannelLog } from "./channel-log.ts";

/*
 * Publishes what must be told, also when Redis is away just then: a publication that never got a place would be missed
 * by nobody's counting. It is held, those behind it wait their turn, and they are sent in order when Redis is back. Whether
 * one that was under way has arrived cannot be known, so each is sent with an idempotency key of its own.
 *
 * Held in this process only, and bounded: who must tell through a crash writes an outbox.
 */

export interface HoldingPublisherOptions {
  readonly log: Pick<ChannelLog, "publish">;
  readonly clock: Pick<Clock, "setTimer">;
  readonly random: Random;
  readonly logger: Logger;
  /** Beyond it the oldest are given up, with an error in the log. Default 1000, a few MiB at most. */
  readonly maxHeld?: number;
}

export interface HoldingPublisher {
  /** Resolves when it is sent or held. Rejects as `ChannelLog.publish`, but not because Redis is away. */
  publish(channel: string, payload: string): Promise<void>;
  /** How many wait for Redis. */
  readonly held: number;
  /** Gives up what is held. */
  close(): void;
}

interface Held {
  readonly channel: string;
  readonly payload: string;
  readonly idempotencyKey: string;
}

const defaultMaxHeld = 1000;
/** A connection comes back within a second of Redis (redis-connection.ts). */
const retryBaseMs = 200;
const retryMaxMs = 2000;
const retryMinMs = 50;

export function createHoldingPublisher(options: HoldingPublisherOptions): HoldingPublisher {
  const { log, clock, random, logger, maxHeld = defaultMaxHeld } = options;
  const held: Held[] = [];
  let timer: Timer | undefined;
  let attempt = 0;

  const send = ({ channel, payload, idempotencyKey }: Held) => log.publish(channel, payload, { idempotencyKey });

  function hold(one: Held): void {
    held.push(one);
    if (held.length > maxHeld) {
      const lost = held.shift();
      logger.error({ channel: lost?.channel, maxHeld }, "a publication was given up: too many wait for Redis");
    }
    retryLater();
  }

  function retryLater(): void {
    if (timer !== undefined) return;
    attempt += 1;
    const delayMs = backoffDelayMs({ attempt, baseMs: retryBaseMs, maxMs: retryMaxMs, random });
    timer = clock.setTimer(() => void sendHeld(), Math.max(retryMinMs, delayMs));
  }

  async function sendHeld(): Promise<void> {
    for (let first = held[0]; first !== undefined; first = held[0]) {
      try {
        await send(first);
      } catch (error) {
        if (error instanceof RedisAwayError) break;
        logger.error({ err: error, channel: first.channel }, "a held publication was refused and is given up");
      }
      // It may have been given up meanwhile, for too many behind it.
      if (held[0] === first) held.shift();
    }
    timer = undefined;
    if (held.length > 0) retryLater();
    else attempt = 0;
  }

  return {
    publish: async (channel, payload) => {
      const one = { channel, payload, idempotencyKey: random.id() };
      if (held.length > 0) {
        hold(one);
        return;
      }
      try {
        await send(one);
      } catch (error) {
        if (!(error instanceof RedisAwayError)) throw error;
        hold(one);
      }
    },
    get held() {
      return held.length;
    },
    close: () => {
      held.length = 0;
      timer?.cancel();
    },
  };
}
