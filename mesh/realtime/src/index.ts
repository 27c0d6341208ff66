export { connect, type RealtimeClient, type SubscribeRequest, type Subscription } from "./client.ts";
export type { Clock, Random, Timer } from "./clock.ts";
export type { ConnectionState } from "./connection.ts";
export { RealtimeError, type RealtimeErrorCode, realtimeErrorCodes } from "./errors.ts";
export type { ChannelOptions } from "./feed-event.ts";
export type { ConnectOptions, TokenPurpose, TokenSource } from "./options.ts";
export type {
  BroadcastChannelConstructor,
  BroadcastChannelLike,
  EventLike,
  LocksLike,
  PageEvents,
  Platform,
  WebSocketConstructor,
  WebSocketLike,
} from "./platform.ts";
export type { Position } from "./protocol.ts";
export type { MessageInfo, SubscriptionHandlers, SubscriptionState } from "./subscriber.ts";
