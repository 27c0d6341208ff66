import { Code, ConnectError } from "@connectrpc/connect";
import { type ChannelPosition, codeName, errorReason } from "@weft/mesh";
import type { Channel } from "./channel.ts";
import type { Joined } from "./followed-channel.ts";
import type { PresenceNews } from "./presence-news.ts";
import type { PresenceSnapshot } from "./presence-store.ts";

/*
 * The frames of subprotocol weft.v1 that the gateway sends: answers carry the `id` of the frame they answer; pushes and
 * notices carry none.
 */

/** Codes of notices, and what each says. */
export type Notice =
  | { readonly code: "token_expiring"; readonly expiresAt: string }
  | ({ readonly code: "gap"; readonly channel: string } & Partial<ChannelPosition>)
  | { readonly code: "subscription_ended"; readonly channel: string; readonly reason: string; readonly message: string }
  | { readonly code: "draining"; readonly reconnectAfterMs: number };

export interface Identity {
  readonly userId: string;
  readonly expiresAtMs: number;
}

/** What a client is told it may do on its connection. */
export interface ConnectionLimits {
  readonly channels: number;
  readonly frameBytes: number;
  readonly framesPerSecond: number;
}

export const serverFrames = {
  connected: (id: number, identity: Identity, limits: ConnectionLimits): string =>
    JSON.stringify({ id, connected: { ...identityJson(identity), limits } }),
  refreshed: (id: number, identity: Identity): string => JSON.stringify({ id, refreshed: identityJson(identity) }),
  /** `joined` is where a subscriber of a recoverable channel begins. */
  subscribed: (id: number, channel: Channel, joined?: Joined): string =>
    `{"id":${id},"subscribed":{"channel":"${channel.name}"${joined === undefined ? "" : joinedJson(joined)}}}`,
  unsubscribed: (id: number, channel: Channel): string =>
    JSON.stringify({ id, unsubscribed: { channel: channel.name } }),
  presence: (id: number, channel: Channel, { users, connections, clients }: PresenceSnapshot): string => {
    const listed = clients?.map(({ sinceMs, ...client }) => ({ ...client, since: new Date(sinceMs).toISOString() }));
    return JSON.stringify({ id, presence: { channel: channel.name, users, connections, clients: listed } });
  },
  presenceNews: (channel: string, news: PresenceNews): string => JSON.stringify({ presence: { channel, ...news } }),
  pong: (id: number): string => JSON.stringify({ id, pong: {} }),
  error: (id: number | undefined, error: unknown): string => JSON.stringify({ id, error: errorJson(error) }),
  notice: (notice: Notice): string => JSON.stringify({ notice }),
};

/** `{code, message, reason?}` of an error as clients may see it; faults of ours leave without detail. */
export function errorJson(error: unknown): { code: string; message: string; reason?: string } {
  const known = error instanceof ConnectError ? error : new ConnectError("internal error", Code.Internal);
  const isFault = known.code === Code.Internal || known.code === Code.Unknown || known.code === Code.DataLoss;
  const code = isFault ? "internal" : codeName(known.code);
  const message = isFault ? "internal error" : known.rawMessage;
  const reason = errorReason(known);
  return reason === undefined ? { code, message } : { code, message, reason };
}

function identityJson({ userId, expiresAtMs }: Identity) {
  return { userId, expiresAt: new Date(expiresAtMs).toISOString() };
}

function joinedJson(joined: Joined): string {
  const { epoch, offset } = joined.position;
  const place = `,"recoverable":true,"epoch":"${epoch}","offset":${offset}`;
  if (joined.recovered === undefined) {
    return place;
  }
  return joined.recovered
    ? `${place},"recovered":true,"publications":[${joined.missed.map(({ publication }) => publication).join(",")}]`
    : `${place},"recovered":false`;
}

export interface PushNotes {
  /** Of a recoverable channel: the place of this message. */
  readonly offset?: number | undefined;
  /** Frames before this one that the subscriber was too slow for. */
  readonly skipped?: number;
}

/** A push as the bytes of one frame, around a payload that is JSON already. Notes without a value are left out. */
export function encodePush(channel: Channel, payload: string, { offset, skipped = 0 }: PushNotes): Buffer {
  const place = offset === undefined ? "" : `,"offset":${offset}`;
  const note = skipped > 0 ? `,"skipped":${skipped}` : "";
  return Buffer.from(`{"push":{"channel":"${channel.name}","data":${payload}${place}${note}}}`);
}
