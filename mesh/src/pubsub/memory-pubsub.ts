/** PubSub within one process, for tests and single-process use. Messages are delivered on a later turn, as by a socket. */
import type { Logger } from "../logger.ts";
import { regExpFromGlob } from "./glob.ts";
import type { PubSub, PubSubHandler, SubscribeOptions, Unsubscribe } from "./pubsub.ts";
import { type Subscription, Subscriptions } from "./subscriptions.ts";

export function createMemoryPubSub({ logger }: { readonly logger: Logger }): PubSub {
  return new MemoryPubSub(logger);
}

class MemoryPubSub implements PubSub {
  readonly #subscriptions: Subscriptions;
  readonly #expressions = new Map<string, RegExp>();

  constructor(logger: Logger) {
    this.#subscriptions = new Subscriptions(logger);
  }

  async publish(channel: string, payload: string | Uint8Array): Promise<number> {
    const matching = this.#subscriptions.patterns().filter((pattern) => this.#expressions.get(pattern)?.test(channel));
    // Each receiver of a socket has its own bytes; a shared buffer would let one handler change another's message.
    for (const pattern of matching) {
      const bytes = Buffer.from(payload as Uint8Array);
      queueMicrotask(() => this.#subscriptions.deliver(pattern, channel, bytes));
    }
    return matching.length;
  }

  async subscribe(pattern: string, handler: PubSubHandler, options: SubscribeOptions = {}): Promise<Unsubscribe> {
    const subscription: Subscription = { pattern, handler, options };
    if (this.#subscriptions.add(subscription)) this.#expressions.set(pattern, regExpFromGlob(pattern));
    return async () => {
      if (this.#subscriptions.remove(subscription)) this.#expressions.delete(pattern);
    };
  }

  async close(): Promise<void> {
    this.#subscriptions.clear();
    this.#expressions.clear();
  }
}
