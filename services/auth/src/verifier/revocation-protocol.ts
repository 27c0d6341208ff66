/**
 * How ended sessions reach the verifiers, in one place for both ends.
 *
 * Redis holds an index (sorted set: session id, instant at which its last access token has expired), one key per ended
 * session for whoever wants to look a single one up, a sequence number that each publication raises, and an epoch. The
 * epoch says "the index is complete": it is written last, after the index has been filled from the auth service's
 * database, so an empty Redis has none and nobody takes its empty index for "nothing is revoked". Every message carries
 * epoch and sequence; so do the heartbeats (messages without sessions) that follow each other once per second. A reader
 * that misses a message sees the next number jump, and reads the index again.
 */
import type { RedisHandles } from "@weft/mesh";

export const revocationChannel = "auth:revocations";
export const revocationKeys = {
  index: "auth:revocations:index",
  sequence: "auth:revocations:sequence",
  epoch: "auth:revocations:epoch",
  session: (sessionId: string) => `auth:revoked:${sessionId}`,
} as const;

/** How often the auth service says that the index is complete up to now. */
export const revocationHeartbeatMs = 1_000;
/** A reader that has heard nothing for this long no longer trusts what it knows: three heartbeats. */
export const revocationStaleAfterMs = 3 * revocationHeartbeatMs;

/** An ended session, and when the last of its access tokens has expired (epoch milliseconds). */
export interface Revocation {
  readonly sessionId: string;
  readonly untilMs: number;
}

export interface RevocationMessage {
  readonly epoch: string;
  readonly sequence: number;
  readonly revoked: readonly Revocation[];
}

export function encodeRevocationMessage(message: RevocationMessage): string {
  return JSON.stringify(message);
}

/** The message of a payload, or undefined when it is none. */
export function decodeRevocationMessage(payload: Uint8Array): RevocationMessage | undefined {
  try {
    const value = JSON.parse(new TextDecoder().decode(payload)) as Partial<RevocationMessage>;
    const { epoch, sequence, revoked } = value;
    if (typeof epoch !== "string" || !Number.isSafeInteger(sequence) || !Array.isArray(revoked)) {
      return undefined;
    }
    const sane = revoked.every((one) => typeof one?.sessionId === "string" && Number.isFinite(one.untilMs));
    return sane ? { epoch, sequence: sequence as number, revoked } : undefined;
  } catch {
    return undefined;
  }
}

/** The complete index, or undefined while Redis has no complete one. Rejects when Redis is away. */
export async function readRevocationSnapshot(
  redis: Pick<RedisHandles, "commands">,
  nowMs: number,
): Promise<RevocationMessage | undefined> {
  // The writer raises the number after the index, so an index that is read after the number holds at least that much.
  const [epoch, sequence, index] = await Promise.all([
    redis.commands.get(revocationKeys.epoch),
    redis.commands.get(revocationKeys.sequence),
    redis.commands.zrangebyscore(revocationKeys.index, nowMs, "+inf", "WITHSCORES"),
  ]);
  if (epoch === null) {
    return undefined;
  }
  // RESP3 answers pairs, RESP2 one flat list.
  const flat = (index as unknown[]).flat();
  const revoked: Revocation[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    revoked.push({ sessionId: String(flat[at]), untilMs: Number(flat[at + 1]) });
  }
  return { epoch, sequence: Number(sequence ?? 0), revoked };
}
