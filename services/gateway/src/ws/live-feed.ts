import { decodePublication, type Logger, type PubSub, type Unsubscribe } from "@weft/mesh";
import type { GatewayMetrics } from "../metrics.ts";
import { type Channel, type ChannelKind, isRecoverable, parseChannel } from "./channel.ts";
import { LiveMessage } from "./live-message.ts";

/*
 * Live data from pub/sub to those who listen (RT-02). The broker sees one pattern subscription per kind of channel, made
 * when the first listener of that kind comes and ended when the last one goes; within the process messages go straight to
 * the listeners of their channel. The pub/sub of the mesh brings subscriptions back after an interruption; what was missed
 * meanwhile cannot be told here, so every listener hears of the gap; in recoverable channels `followed-channel.ts` repairs it.
 */

export interface LiveListener {
  message(message: LiveMessage): void;
  /** Messages may have been missed. */
  gap(): void;
}

interface Pattern {
  listeners: number;
  readonly live: Promise<Unsubscribe>;
}

export interface LiveFeedOptions {
  readonly pubsub: PubSub;
  readonly logger: Logger;
  readonly metrics: Pick<GatewayMetrics, "invalidPayloads" | "gaps">;
}

export class LiveFeed {
  readonly #options: LiveFeedOptions;
  readonly #patterns = new Map<ChannelKind, Pattern>();
  readonly #listeners = new Map<string, Set<LiveListener>>();

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  /** Resolves when messages of the channel reach the listener. Rejects, without a trace left, when they cannot. */
  async add(channel: Channel, listener: LiveListener): Promise<void> {
    const listeners = this.#listeners.get(channel.name) ?? new Set();
    this.#listeners.set(channel.name, listeners.add(listener));
    const pattern = this.#patterns.get(channel.kind) ?? { listeners: 0, live: this.#subscribe(channel.kind) };
    this.#patterns.set(channel.kind, pattern);
    pattern.listeners += 1;
    try {
      await pattern.live;
    } catch (error) {
      this.remove(channel, listener);
      throw error;
    }
  }

  /** Repeating it does nothing. */
  remove(channel: Channel, listener: LiveListener): void {
    const listeners = this.#listeners.get(channel.name);
    if (listeners?.delete(listener) !== true) {
      return;
    }
    if (listeners.size === 0) {
      this.#listeners.delete(channel.name);
    }
    const pattern = this.#patterns.get(channel.kind);
    if (pattern !== undefined) {
      pattern.listeners -= 1;
      if (pattern.listeners === 0) {
        this.#patterns.delete(channel.kind);
        void this.#end(channel.kind, pattern);
      }
    }
  }

  /** The kinds that the broker delivers now. */
  get kinds(): readonly ChannelKind[] {
    return [...this.#patterns.keys()];
  }

  async close(): Promise<void> {
    const patterns = [...this.#patterns];
    this.#patterns.clear();
    this.#listeners.clear();
    await Promise.all(patterns.map(([kind, pattern]) => this.#end(kind, pattern)));
  }

  #subscribe(kind: ChannelKind): Promise<Unsubscribe> {
    return this.#options.pubsub.subscribe(`${kind}:*`, (name, payload) => this.#deliver(kind, name, payload), {
      onGap: () => this.#announceGap(kind),
    });
  }

  #deliver(kind: ChannelKind, name: string, payload: Buffer): void {
    const listeners = this.#listeners.get(name);
    const channel = listeners === undefined ? undefined : parseChannel(name);
    if (listeners === undefined || channel === undefined) {
      return;
    }
    const message = messageFrom(channel, payload);
    if (message === undefined) {
      this.#options.metrics.invalidPayloads.inc({ kind });
      this.#options.logger.warn(
        { channel: name, bytes: payload.byteLength },
        "a live message that cannot be read was not passed on",
      );
      return;
    }
    for (const listener of listeners) {
      listener.message(message);
    }
  }

  #announceGap(kind: ChannelKind): void {
    this.#options.metrics.gaps.inc({ kind });
    for (const [name, listeners] of this.#listeners) {
      if (parseChannel(name)?.kind === kind) {
        for (const listener of listeners) {
          listener.gap();
        }
      }
    }
  }

  async #end(kind: ChannelKind, pattern: Pattern): Promise<void> {
    try {
      const unsubscribe = await pattern.live;
      await unsubscribe();
    } catch (error) {
      this.#options.logger.warn({ err: error, kind }, "a pattern could not be unsubscribed");
    }
  }
}

/** On a recoverable channel most messages have a place; presence has none, nor what an older publisher sends. */
function messageFrom(channel: Channel, payload: Buffer): LiveMessage | undefined {
  const placed = isRecoverable(channel) ? decodePublication(payload) : undefined;
  if (placed === undefined) {
    return LiveMessage.from(channel, payload);
  }
  const { epoch, offset } = placed;
  return LiveMessage.from(channel, placed.payload, { epoch, offset });
}
