/**
 * The ended sessions as a verifier knows them, and whether it may rely on that knowledge.
 *
 * The feed is *live* while it has read a complete index, has missed no message since, and has heard something within
 * three heartbeats. It is not live at the start, while the broker is away, after a gap until the index has been read
 * again, and when the auth service has fallen silent; whoever asks then must ask the auth service. What was learnt is
 * never unlearnt before its time, so a Redis that came back empty makes no revoked token good again.
 */
import type { Clock, Logger, PubSub, Unsubscribe } from "@weft/mesh";
import {
  decodeRevocationMessage,
  type Revocation,
  type RevocationMessage,
  revocationChannel,
  revocationStaleAfterMs,
} from "./revocation-protocol.ts";

export interface RevocationFeedOptions {
  readonly pubsub: PubSub;
  /** The complete index, or undefined while there is none. */
  readonly readSnapshot: () => Promise<RevocationMessage | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class RevocationFeed {
  readonly #options: RevocationFeedOptions;
  readonly #untilMs = new Map<string, number>();
  readonly #listeners = new Set<(sessionId: string) => void>();
  #unsubscribe: Unsubscribe | undefined;
  #closed = false;
  #epoch = "";
  #sequence = 0;
  /** The highest number heard, to notice what arrived while the index was being read. */
  #highest = { epoch: "", sequence: 0 };
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #prunedAtMs = 0;
  #synced = false;
  #syncing: Promise<void> | undefined;

  constructor(options: RevocationFeedOptions) {
    this.#options = options;
  }

  /** Subscribes, then reads the index: in this order nothing falls between. Never rejects; a failure is tried again. */
  async start(): Promise<void> {
    const { pubsub, logger } = this.#options;
    try {
      this.#unsubscribe = await pubsub.subscribe(revocationChannel, (_, payload) => this.#hear(payload), {
        onGap: () => this.#resync(),
      });
      if (this.#closed) {
        await this.#unsubscribe();
        return;
      }
      await this.#resync();
    } catch (error) {
      logger.error({ err: error }, "revocations cannot be subscribed to; every token is asked of the auth service");
    }
  }

  /** Whether `isRevoked` can be relied on now. */
  get live(): boolean {
    const silentMs = this.#options.clock.monotonicMs() - this.#heardAtMs;
    return this.#synced && silentMs < revocationStaleAfterMs;
  }

  isRevoked(sessionId: string): boolean {
    return this.#untilMs.has(sessionId);
  }

  /** Calls back once for each session that is newly learnt to have ended; gives a function that stops it. */
  onRevoked(listener: (sessionId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#synced = false;
    this.#listeners.clear();
    await this.#unsubscribe?.();
    await this.#syncing;
  }

  /** Notes what the auth service answered, so that the next look need not ask again. */
  learn(revocation: Revocation): void {
    if (this.#untilMs.has(revocation.sessionId)) {
      return;
    }
    this.#untilMs.set(revocation.sessionId, revocation.untilMs);
    for (const listener of [...this.#listeners]) {
      listener(revocation.sessionId);
    }
  }

  #hear(payload: Uint8Array): void {
    const message = decodeRevocationMessage(payload);
    if (message === undefined) {
      this.#options.logger.warn({ channel: revocationChannel }, "a message that is no revocation was ignored");
      return;
    }
    this.#heardAtMs = this.#options.clock.monotonicMs();
    message.revoked.forEach((revocation) => {
      this.learn(revocation);
    });
    this.#prune();
    if (this.#highest.epoch !== message.epoch || this.#highest.sequence < message.sequence) {
      this.#highest = { epoch: message.epoch, sequence: message.sequence };
    }
    const next = this.#sequence + (message.revoked.length > 0 ? 1 : 0);
    if (!this.#synced || message.epoch !== this.#epoch || message.sequence > next) {
      void this.#resync();
    } else {
      this.#sequence = Math.max(this.#sequence, message.sequence);
    }
  }

  #resync(): Promise<void> {
    this.#synced = false;
    this.#syncing ??= this.#readIndex().finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  async #readIndex(): Promise<void> {
    const { readSnapshot, logger } = this.#options;
    try {
      let behind = true;
      while (behind && !this.#closed) {
        const snapshot = await readSnapshot();
        if (snapshot === undefined) {
          return;
        }
        snapshot.revoked.forEach((revocation) => {
          this.learn(revocation);
        });
        this.#epoch = snapshot.epoch;
        this.#sequence = snapshot.sequence;
        behind = this.#highest.epoch === snapshot.epoch && this.#highest.sequence > snapshot.sequence;
      }
      this.#synced = !this.#closed;
    } catch (error) {
      // The next heartbeat or gap notice starts over; until then the feed is not live.
      logger.warn({ err: error }, "the index of revoked sessions cannot be read; tokens are asked of the auth service");
    }
  }

  #prune(): void {
    const nowMs = this.#options.clock.now();
    if (nowMs - this.#prunedAtMs < 60_000) {
      return;
    }
    this.#prunedAtMs = nowMs;
    for (const [sessionId, untilMs] of this.#untilMs) {
      if (untilMs <= nowMs) {
        this.#untilMs.delete(sessionId);
      }
    }
  }
}
