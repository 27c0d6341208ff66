/** Called with the channel and the bytes of one message; what it throws or rejects with is logged. */
export type PubSubHandler = (channel: string, payload: Buffer) => void | Promise<void>;

/** Ends one subscription; idempotent. */
export type Unsubscribe = () => Promise<void>;

export interface SubscribeOptions {
  /**
   * Called when the subscription works again after an absence of the broker, or for the first time if it was made
   * during one: messages in between were missed, so whoever needs them reads the state itself.
   */
  readonly onGap?: () => void;
}

/**
 * Live messages between processes. Delivery is at most once and only to those subscribed at that moment: nothing is
 * stored, and a gap is announced, not repaired. What must not be lost belongs in a queue or in the outbox.
 */
export interface PubSub {
  /**
   * Sends to all subscribers and gives the number of subscriptions reached (a connection that matches with two patterns
   * counts twice). Rejects when the broker is away: the message is lost then.
   */
  publish(channel: string, payload: string | Uint8Array): Promise<number>;
  /**
   * Subscribes to all channels that match a glob (`*`, `?`, `[a-z]`, `\` to escape; `*` also matches `:`). Resolves once
   * messages flow. While the broker is away it resolves too, and the subscription starts with a gap notice later.
   */
  subscribe(pattern: string, handler: PubSubHandler, options?: SubscribeOptions): Promise<Unsubscribe>;
  /** Ends all subscriptions made here. */
  close(): Promise<void>;
}
