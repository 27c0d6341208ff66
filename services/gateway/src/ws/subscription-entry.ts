import type { Channel } from "./channel.ts";
import type { FollowingListener } from "./followed-channel.ts";
import type { LiveListener } from "./live-feed.ts";
import type { Subscription } from "./subscription.ts";

/** What one connection has with one channel, from the moment it asks for it. */
export interface SubscriptionEntry {
  readonly subscription: Subscription;
  /** What hears a recoverable channel. */
  readonly follower: FollowingListener;
  /** Aborts when the channel is given up. */
  readonly ended: AbortController;
  /** Whether the connection is to be shown in the channel. */
  shown: boolean;
  active: boolean;
  /** Whether the connection may publish in the channel. */
  publishes: boolean;
  failedRechecks: number;
  /** Hears of changes of the project that the permission hangs on. */
  watch: { readonly channel: Channel; readonly listener: LiveListener } | undefined;
}

/** What a subscriber is told of the end. */
export interface Ending {
  readonly code: string;
  readonly message: string;
}

export const insufficientState: Ending = {
  code: "insufficient_state",
  message: "publications were lost; subscribe again with your position, and load the state if it is not recovered",
};

/** Rounds of failed look-ups of the permission after which a subscription ends. */
export const maxFailedRechecks = 5;
