import type { ConnectionState } from "../connection.ts";
import { RealtimeError, type RealtimeErrorCode } from "../errors.ts";
import type { ChannelOptions, FeedEvent } from "../feed-event.ts";
import type { Position, Publication } from "../protocol.ts";
import type { Publish } from "../publisher.ts";

/*
 * What tabs that share a connection say to each other. The *leader* is the tab that has the connection. Errors travel as
 * plain data, as a structured clone would make them plain Errors.
 */

export type TabMessage =
  /** Somebody looks for the leader. */
  | { readonly kind: "who"; readonly from: string }
  /** The leader names itself, and says how the connection is. */
  | { readonly kind: "leader"; readonly from: string; readonly state: PlainState }
  | {
      readonly kind: "join";
      readonly from: string;
      readonly to: string;
      readonly channel: string;
      readonly options: ChannelOptions;
      readonly position: Position | undefined;
      readonly recent: readonly Publication[];
    }
  | { readonly kind: "leave"; readonly from: string; readonly to: string; readonly channel: string }
  /** For one tab, or all that listen to the channel. */
  | { readonly kind: "event"; readonly from: string; readonly to: string | undefined; readonly event: PlainEvent }
  | {
      readonly kind: "publish";
      readonly from: string;
      readonly to: string;
      readonly id: number;
      readonly publish: Publish;
    }
  | {
      readonly kind: "published";
      readonly from: string;
      readonly to: string;
      readonly id: number;
      readonly error: PlainError | undefined;
    }
  /** What a tab knows that the leader should: its page woke up, its user wants another attempt. */
  | { readonly kind: "woke" | "retry" | "bye"; readonly from: string };

interface PlainError {
  readonly code: RealtimeErrorCode;
  readonly message: string;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
}

type Plain<Value> = Value extends { readonly error: RealtimeError }
  ? Omit<Value, "error"> & { readonly error: PlainError }
  : Value;

export type PlainState = Plain<ConnectionState>;
export type PlainEvent = Plain<FeedEvent>;

export function plainState(state: ConnectionState): PlainState {
  return "error" in state ? { ...state, error: plainError(state.error) } : state;
}

export function stateOf(plain: PlainState): ConnectionState {
  return "error" in plain ? { ...plain, error: errorOf(plain.error) } : plain;
}

export function plainEvent(event: FeedEvent): PlainEvent {
  return event.type === "ended" ? { ...event, error: plainError(event.error) } : event;
}

export function eventOf(plain: PlainEvent): FeedEvent {
  return plain.type === "ended" ? { ...plain, error: errorOf(plain.error) } : plain;
}

export function plainError({ code, message, reason, retryAfterMs }: RealtimeError): PlainError {
  return { code, message, reason, retryAfterMs };
}

export function errorOf({ code, message, ...options }: PlainError): RealtimeError {
  return new RealtimeError(code, message, options);
}
