import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";

/** What every domain event carries, whoever sends it (EVT-01, EVT-02). Consumers ignore fields that they do not know. */
export interface EventEnvelope<Payload = unknown> {
  /** UUID; consumers recognize repetitions by it. */
  readonly eventId: string;
  /** Such as `TodoCreated`. */
  readonly type: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  /** Version of the payload's schema, from 1. */
  readonly version: number;
  readonly correlationId: string;
  /** Who did it; null for the system. */
  readonly actorUserId: string | null;
  /** Whose thing it is; null when it belongs to nobody. */
  readonly ownerUserId: string | null;
  readonly affectedUserIds: readonly string[];
  readonly notificationRequired: boolean;
  /** For filtering, such as `todo`, `session`, `user`. */
  readonly category: string;
  readonly payload: Payload;
}

/** An envelope without what can be filled in. */
export interface NewEvent<Payload = unknown> {
  readonly type: string;
  readonly category: string;
  readonly correlationId: string;
  readonly payload: Payload;
  /** Default 1. */
  readonly version?: number;
  readonly actorUserId?: string;
  readonly ownerUserId?: string;
  readonly affectedUserIds?: readonly string[];
  /** Default false. */
  readonly notificationRequired?: boolean;
}

/** Fills in id, time and defaults, and checks. Throws `RangeError` naming the field. */
export function createEnvelope<Payload>(
  event: NewEvent<Payload>,
  { clock, random }: { readonly clock: Pick<Clock, "now">; readonly random: Pick<Random, "id"> },
): EventEnvelope<Payload> {
  const envelope: EventEnvelope<Payload> = {
    eventId: random.id(),
    type: event.type,
    timestamp: new Date(clock.now()).toISOString(),
    version: event.version ?? 1,
    correlationId: event.correlationId,
    actorUserId: event.actorUserId ?? null,
    ownerUserId: event.ownerUserId ?? null,
    affectedUserIds: event.affectedUserIds ?? [],
    notificationRequired: event.notificationRequired ?? false,
    category: event.category,
    payload: event.payload,
  };
  assertEnvelope(envelope);
  return envelope;
}

/** Throws `RangeError` naming the first field that cannot be right. */
export function assertEnvelope(envelope: EventEnvelope): void {
  for (const field of ["eventId", "type", "correlationId", "category"] as const) {
    const value: unknown = envelope[field];
    if (typeof value !== "string" || value.length < 1 || value.length > 200) {
      throw new RangeError(`${field}: a text of 1 to 200 characters is needed`);
    }
  }
  if (!Number.isInteger(envelope.version) || envelope.version < 1) {
    throw new RangeError(`version: ${envelope.version} is not a whole number of at least 1`);
  }
  if (!(envelope.timestamp.endsWith("Z") && Number.isFinite(Date.parse(envelope.timestamp)))) {
    throw new RangeError(`timestamp: "${envelope.timestamp}" is no ISO 8601 time in UTC`);
  }
  if (envelope.payload === undefined) throw new RangeError("payload: a value is needed, if only null");
}
