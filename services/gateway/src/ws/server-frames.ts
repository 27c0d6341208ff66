import { Code, ConnectError } from "@connectrpc/connect";
import { codeName, errorReason } from "@weft/mesh";
import type { Channel } from "./channel.ts";

/*
 * The frames of subprotocol weft.v1 that the gateway sends: answers carry the `id` of the frame they answer; pushes and
 * notices carry none.
 */

/** Codes of notices, and what each says. */
export type Notice =
  | { readonly code: "token_expiring"; readonly expiresAt: string }
  | { readonly code: "gap"; readonly channel: string }
  | { readonly code: "subscription_ended"; readonly channel: string; readonly reason: string; readonly message: string }
  | { readonly code: "draining" };

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
  subscribed: (id: number, channel: Channel): string => JSON.stringify({ id, subscribed: { channel: channel.name } }),
  unsubscribed: (id: number, channel: Channel): string =>
    JSON.stringify({ id, unsubscribed: { channel: channel.name } }),
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

/**
 * A push as the bytes of one frame, around a payload that is JSON already. `skipped` counts the frames before this one
 * that the subscriber was too slow for; it is left out when there are none.
 */
export function encodePush(channel: Channel, payload: string, skipped = 0): Buffer {
  const note = skipped > 0 ? `,"skipped":${skipped}` : "";
  return Buffer.from(`{"push":{"channel":"${channel.name}","data":${payload}${note}}}`);
}
