import type { Message } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import type { ClientMethod } from "../client/client-method.ts";
import type { MetadataList } from "../lane/metadata.ts";
import type { TraceIds } from "../trace-context.ts";

/*
 * What the pool knows of a connection: its state, its load, and how to send a call. How calls travel inside it is the
 * connection's own business; the pool, the balancer and the callers do not change when that does.
 */

export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "open"; readonly sinceMs: number }
  /** Takes no new calls; those in flight finish. */
  | { readonly kind: "draining"; readonly reason: string }
  | { readonly kind: "closed"; readonly reason: string };

/**
 * One unary call on its way. The connection calls `onAnswer` or `onFailure`, once, and not before `send` has returned;
 * neither after `cancel`.
 */
export interface OutgoingCall extends TraceIds {
  readonly method: ClientMethod;
  readonly message: Message;
  /** Headers besides deadline and trace; undefined when there are none. */
  readonly metadata: MetadataList | undefined;
  /** On the monotonic clock; Infinity for none. */
  readonly deadlineMs: number;
  /** When it was handed to the connection, on the monotonic clock. */
  readonly sentAtMs: number;
  /** The connection's own: the id on its lane, -1 for none, and the batch that it left in. */
  laneCallId: number;
  laneBatch: number;
  onAnswer(
    message: Message,
    headers: MetadataList | undefined,
    trailers: MetadataList | undefined,
    nowMs: number,
  ): void;
  /** A MeshError for what went wrong in between, a ConnectError for what the peer answered. */
  onFailure(error: Error, nowMs: number): void;
}

export interface Connection {
  readonly id: number;
  readonly state: ConnectionState;
  /** Streaming calls that have begun and not ended; the pool, which counts unary calls itself, adds them to the load. */
  readonly openStreams: number;
  /** Calls and streams that the peer takes on it at once. */
  readonly callLimit: number;
  /** Resolves when open; rejects with CONNECT_FAILED. */
  readonly opened: Promise<void>;
  /** Sends one call. Throws, and has sent nothing, for a message that cannot be encoded. */
  send(call: OutgoingCall): void;
  /** Nobody waits for the call's answer any more. */
  cancel(call: OutgoingCall): void;
  /** For streaming calls, which own a stream each. */
  readonly streams: Transport;
  /** Lets calls in flight finish, then closes. */
  drain(reason: string): void;
  /** Ends at once; calls in flight fail with CONNECTION_LOST. */
  destroy(reason: string): void;
  /** Called once, when the connection takes no more calls ("draining") and when it has ended ("closed"). */
  onState(listener: (state: ConnectionState) => void): void;
}
