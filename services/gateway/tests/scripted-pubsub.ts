import type { PubSub, PubSubHandler, Unsubscribe } from "@weft/mesh";

/** A broker in the hands of a test: it delivers when told to, has gaps when told to, and shows what is subscribed. */
export class ScriptedPubSub implements PubSub {
  readonly #subscriptions = new Map<string, { handler: PubSubHandler; onGap: (() => void) | undefined }>();

  get patterns(): string[] {
    return [...this.#subscriptions.keys()];
  }

  async publish(channel: string, payload: string | Uint8Array): Promise<number> {
    const matching = [...this.#subscriptions].filter(([pattern]) => channel.startsWith(pattern.slice(0, -1)));
    for (const [, { handler }] of matching) {
      void handler(channel, Buffer.from(payload as Uint8Array));
    }
    return matching.length;
  }

  async subscribe(pattern: string, handler: PubSubHandler, options?: { onGap?: () => void }): Promise<Unsubscribe> {
    this.#subscriptions.set(pattern, { handler, onGap: options?.onGap });
    return async () => {
      this.#subscriptions.delete(pattern);
    };
  }

  /** The broker was away and is back. */
  gap(): void {
    for (const { onGap } of this.#subscriptions.values()) {
      onGap?.();
    }
  }

  async close(): Promise<void> {
    this.#subscriptions.clear();
  }
}
