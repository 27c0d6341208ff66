/**
 * What others hear of a project on its way out: written to the outbox in the transaction of the change, and from there
 * given a place in the channel `project:<id>` by the relay, in order (PROJ-12). The event's id is the idempotency key, so
 * that what is sent again, because a process ended or Redis went away in between, is sent once. A change that was made is
 * thus told, whatever becomes of this process and of Redis, and one that was not made is not.
 */
import {
  type ChannelLog,
  type Clock,
  createEnvelope,
  currentCall,
  type OutboxEvent,
  type Random,
  writeOutbox,
} from "@weft/mesh";
import type { ChangeNotice } from "../domain/ports.ts";
import type { AppendNotice } from "./postgres-project-store.ts";

const projectChangesTopic = "project-changes";

export function createOutboxAppend(clock: Clock, random: Random): AppendNotice {
  return async (tx, notice) => {
    const { projectId, type, by } = notice;
    const envelope = createEnvelope(
      {
        type: `project.${type}`,
        category: "project",
        correlationId: currentCall()?.correlationId ?? random.id(),
        actorUserId: by.userId,
        payload: messageOf(notice),
      },
      { clock, random },
    );
    await writeOutbox(tx, { topic: projectChangesTopic, key: projectId, envelope });
  };
}

/** Publishes an event of the outbox; rejects while Redis is away, so that the relay keeps it. */
export function createChannelPublish(channels: Pick<ChannelLog, "publish">): (event: OutboxEvent) => Promise<void> {
  return async ({ key, envelope: { eventId, payload } }) => {
    await channels.publish(`project:${key}`, JSON.stringify(payload), { idempotencyKey: eventId });
  };
}

function messageOf({ atMs, ...notice }: ChangeNotice): object {
  return { ...notice, at: new Date(atMs).toISOString() };
}
