import type { PubSub, PubSubHandler, Unsubscribe } from "@weft/mesh";

interface Subscription {
  readonly pattern: string;
  readonly handler: PubSubHandler;
  readonly onGap: (() => void) | undefined;
}

/** A broker in the hands of a test: it delivers when told to, has gaps when told to, and shows what is subscribed. */
export class ScriptedPubSub implements PubSub {
  readonly #subscriptions = new Set<Subscription>();

  get patterns(): string[] {
    return [...this.#subscriptions].map(({ pattern }) => pattern);
  }

  async publish(channel: string, payload: string | Uint8Array): Promise<number> {
    const matching = [...this.#subscriptions].filter(({ pattern }) => channel.startsWith(pattern.slice(0, -1)));
    for (const { handler } of matching) {
      void handler(channel, Buffer.from(payload as Uint8Array));
    }
    return matching.length;
  }

  async subscribe(pattern: string, handler: PubSubHandler, options?: { onGap?: () => void }): Promise<Unsubscribe> {
    const subscription = { pattern, handler, onGap: options?.onGap };
    this.#subscriptions.add(subscription);
    return async () => {
      this.#subscriptions.delete(subscription);
    };
  }

  /** The broker was away and is back. */
  gap(): void {
    for (const { onGap } of this.#subscriptions) {
      onGap?.();
    }
  }

  async close(): Promise<void> {
    this.#subscriptions.clear();
  }
}
