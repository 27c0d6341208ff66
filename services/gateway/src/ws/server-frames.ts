import { Code, ConnectError } from "@connectrpc/connect";
import { type ChannelPosition, codeName, errorReason } from "@weft/mesh";
import type { PresenceNews } from "./presence-news.ts";
import type { PresentUser } from "./presence-store.ts";

/*
 * The frames that the gateway sends, before they have a form: answers carry the `id` of the frame they answer, all others are
 * told unasked. `json-codec.ts` and `protobuf-codec.ts` write each of them; nothing else knows how they look on the wire.
 */

export type ServerFrame =
  | ({ readonly kind: "connected"; readonly id: number; readonly limits: ConnectionLimits } & Identity)
  | ({ readonly kind: "refreshed"; readonly id: number } & Identity)
  | SubscribedFrame
  | { readonly kind: "unsubscribed"; readonly id: number; readonly channel: string }
  | PresenceFrame
  | { readonly kind: "published"; readonly id: number }
  | { readonly kind: "pong"; readonly id: number }
  /** Without an id where the frame had no readable one. */
  | ({ readonly kind: "error"; readonly id: number | undefined } & FrameError)
  | PushFrame
  | { readonly kind: "presenceNews"; readonly channel: string; readonly news: PresenceNews }
  | { readonly kind: "notice"; readonly notice: Notice };

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

export interface SubscribedFrame {
  readonly kind: "subscribed";
  readonly id: number;
  readonly channel: string;
  /** Of a recoverable channel: where the subscriber begins. */
  readonly position?: ChannelPosition | undefined;
  /** Set for who asked to go on from a position. */
  readonly recovered?: boolean | undefined;
  /** What leads up to `position`, for who has recovered. */
  readonly publications?: readonly Publication[] | undefined;
}

export interface Publication {
  readonly offset: number;
  /** JSON text. */
  readonly json: string;
}

export interface PresenceFrame {
  readonly kind: "presence";
  readonly id: number;
  readonly channel: string;
  readonly users: number;
  readonly connections: number;
  /** Undefined where users are only counted. */
  readonly clients: readonly PresentUser[] | undefined;
}

export interface PushFrame {
  readonly kind: "push";
  readonly channel: string;
  /** JSON text, or a frame of a simulation in its own layout. */
  readonly data: string | Uint8Array;
  /** Of a recoverable channel: the place of this message. */
  readonly offset?: number | undefined;
  /** Messages before this one that the subscriber was too slow for; 0 for none. */
  readonly skipped: number;
  /** The user who published it; undefined when that was no client. */
  readonly from?: string | undefined;
  readonly key?: string | undefined;
}

/** Codes of notices, and what each says. */
export type Notice =
  | { readonly code: "token_expiring"; readonly expiresAtMs: number }
  | { readonly code: "gap"; readonly channel: string; readonly position: ChannelPosition | undefined }
  | { readonly code: "subscription_ended"; readonly channel: string; readonly reason: string; readonly message: string }
  | { readonly code: "draining"; readonly reconnectAfterMs: number };

/** An error as clients may see it. */
export interface FrameError {
  readonly code: string;
  readonly message: string;
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** What clients may see of an error; faults of ours leave without detail. */
export function frameErrorOf(error: unknown): FrameError {
  const known = error instanceof ConnectError ? error : new ConnectError("internal error", Code.Internal);
  const isFault = known.code === Code.Internal || known.code === Code.Unknown || known.code === Code.DataLoss;
  const reason = errorReason(known);
  const retryAfter = known.metadata.get("retry-after-ms");
  return {
    code: isFault ? "internal" : codeName(known.code),
    message: isFault ? "internal error" : known.rawMessage,
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfter === null ? {} : { retryAfterMs: Number(retryAfter) }),
  };
}
