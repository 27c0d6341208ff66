export {
  connect,
  type PublishOptions,
  type RealtimeClient,
  type SubscribeRequest,
  type Subscription,
} from "./client.ts";
export type { Clock, Random, Timer } from "./clock.ts";
export type { ConnectionState } from "./connection.ts";
export { RealtimeError, type RealtimeErrorCode, realtimeErrorCodes } from "./errors.ts";
export type { ChannelOptions } from "./feed-event.ts";
export type { ConnectOptions, TokenPurpose, TokenSource } from "./options.ts";
export type {
  BroadcastChannelConstructor,
  BroadcastChannelLike,
  EventLike,
  FetchLike,
  LocksLike,
  PageEvents,
  Platform,
  RequestLike,
  ResponseLike,
  WebSocketConstructor,
  WebSocketLike,
} from "./platform.ts";
export type { Presence } from "./presence.ts";
export type { Format, Position, Present } from "./protocol.ts";
export type { MessageInfo, SubscriptionHandlers, SubscriptionState } from "./subscriber.ts";
export { createTicketSource, type TicketSourceOptions } from "./ticket-source.ts";
export type { Transport } from "./transport-choice.ts";
