/**
 * Events about users on their way out: written to the outbox in the transaction of the change, and from there added to
 * the Redis stream `user-events` by the relay, at least once and in order. The stream keeps 30 days (EVT-22); readers
 * recognise a repetition by `eventId`.
 */
import {
  type Clock,
  createEnvelope,
  currentCall,
  type OutboxEvent,
  type Random,
  type RedisHandles,
  writeOutbox,
} from "@weft/mesh";
import type { AppendEvent } from "./postgres-user-store.ts";

const userEventsTopic = "user-events";
const retentionMs = 30 * 24 * 3_600_000;

/** Writes an event to the outbox, as part of the call that caused it. */
export function createOutboxAppend(clock: Clock, random: Random): AppendEvent {
  return async (transaction, { type, ...payload }) => {
    const envelope = createEnvelope(
      {
        type,
        category: "user",
        correlationId: currentCall()?.correlationId ?? random.id(),
        ownerUserId: payload.userId,
        affectedUserIds: [payload.userId],
        payload,
      },
      { clock, random },
    );
    await writeOutbox(transaction, { topic: userEventsTopic, key: payload.userId, envelope });
  };
}

/** Adds an event to the stream of its topic; each entry has `eventId`, `type`, `key` and the envelope as JSON. */
export function createStreamPublish(
  redis: Pick<RedisHandles, "commands">,
  clock: Clock,
): (event: OutboxEvent) => Promise<void> {
  return async ({ topic, key, envelope }) => {
    const { eventId, type } = envelope;
    const fields = { eventId, type, key, envelope: JSON.stringify(envelope) };
    const oldest = String(clock.now() - retentionMs);
    await redis.commands.xadd(topic, "MINID", "~", oldest, "*", ...Object.entries(fields).flat());
  };
}
