/**
 * The local half of every PubSub: which handlers listen to which pattern. It counts references, so that the broker sees
 * one subscription per distinct pattern, and it shields the broker's connection from handlers that throw.
 */
import type { Logger } from "../logger.ts";
import type { PubSubHandler, SubscribeOptions } from "./pubsub.ts";

export interface Subscription {
  readonly pattern: string;
  readonly handler: PubSubHandler;
  readonly options: SubscribeOptions;
}

export class Subscriptions {
  readonly #byPattern = new Map<string, Set<Subscription>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Adds one; true when it is the first of its pattern. */
  add(subscription: Subscription): boolean {
    const existing = this.#byPattern.get(subscription.pattern);
    if (existing !== undefined) {
      existing.add(subscription);
      return false;
    }
    this.#byPattern.set(subscription.pattern, new Set([subscription]));
    return true;
  }

  /** Removes one; true when it was the last of its pattern. A second removal gives false. */
  remove(subscription: Subscription): boolean {
    const existing = this.#byPattern.get(subscription.pattern);
    if (existing?.delete(subscription) !== true || existing.size > 0) return false;
    return this.#byPattern.delete(subscription.pattern);
  }

  has(pattern: string): boolean {
    return this.#byPattern.has(pattern);
  }

  patterns(): string[] {
    return [...this.#byPattern.keys()];
  }

  clear(): void {
    this.#byPattern.clear();
  }

  /** Hands one message to every handler of a pattern. */
  deliver(pattern: string, channel: string, payload: Buffer): void {
    for (const { handler } of this.#byPattern.get(pattern) ?? []) {
      this.#guard(pattern, () => handler(channel, payload));
    }
  }

  /** Tells every subscription of these patterns that messages were missed. */
  announceGap(patterns: Iterable<string>): void {
    for (const pattern of patterns) {
      for (const { options } of this.#byPattern.get(pattern) ?? []) this.#guard(pattern, () => options.onGap?.());
    }
  }

  #guard(pattern: string, fn: () => void | Promise<void>): void {
    const report = (error: unknown) => this.#logger.error({ err: error, pattern }, "pub/sub handler failed");
    try {
      const result = fn();
      if (result instanceof Promise) result.catch(report);
    } catch (error) {
      report(error);
    }
  }
}
