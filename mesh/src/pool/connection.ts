import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";

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

/** One unary call, ready to be sent. */
export interface UnaryCall {
  readonly method: DescMethodUnary;
  readonly header: Headers;
  readonly message: Message;
  /** Time left; undefined for none. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface UnaryAnswer {
  readonly header: Headers;
  readonly trailer: Headers;
  readonly message: Message;
}

export interface Connection {
  readonly id: number;
  readonly state: ConnectionState;
  /** Streaming calls that have begun and not ended; the pool, which counts unary calls itself, adds them to the load. */
  readonly openStreams: number;
  /** Resolves when open; rejects with CONNECT_FAILED. */
  readonly opened: Promise<void>;
  /** Sends one call. Rejects with a MeshError for what went wrong in between, a ConnectError for what the peer answered. */
  unary(call: UnaryCall): Promise<UnaryAnswer>;
  /** For streaming calls, which own a stream each. */
  readonly streams: Transport;
  /** Lets calls in flight finish, then closes. */
  drain(reason: string): void;
  /** Ends at once; calls in flight fail with CONNECTION_LOST. */
  destroy(reason: string): void;
  /** Called once, when the connection takes no more calls ("draining") and when it has ended ("closed"). */
  onState(listener: (state: ConnectionState) => void): void;
}
