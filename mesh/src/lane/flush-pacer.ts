// biome-ignore lint/style/noRestrictedImports: a turn of the event loop is no span of time.
import { setImmediate } from "node:timers";

/**
 * When a batch that has begun leaves. A flush costs each side some 50 µs, as much as twenty calls do, so how many there
 * are decides what a busy lane costs.
 *
 *   a call alone, or few       at the end of this turn of the event loop: nobody waits for anything
 *   many are on their way      no sooner than 0.1 ms after the last batch: calls that come one by one, as from the
 *                              sockets of a gateway, then share a flush where each would have had its own
 *
 * With so many on their way 0.1 ms is little beside what each takes anyway. The wait passes over turns of the event loop, as
 * no timer is that short; what else is ready is done meanwhile.
 */
const manyCalls = 16;
const spacingMs = 0.1;

export class FlushPacer {
  readonly #flush: () => void;
  readonly #monotonicMs: () => number;
  #planned = false;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(flush: () => void, monotonicMs: () => number) {
    this.#flush = flush;
    this.#monotonicMs = monotonicMs;
  }

  /** Something is to be sent; `calls` are on their way. */
  plan(calls: number): void {
    if (this.#planned) {
      return;
    }
    this.#planned = true;
    if (calls >= manyCalls && this.#isTooSoon()) {
      setImmediate(this.#onTurn);
    } else {
      process.nextTick(this.#onTime);
    }
  }

  /** A batch has left. */
  flushed(): void {
    this.#lastMs = this.#monotonicMs();
  }

  #isTooSoon(): boolean {
    return this.#monotonicMs() - this.#lastMs < spacingMs;
  }

  readonly #onTurn = (): void => {
    if (this.#isTooSoon()) {
      setImmediate(this.#onTurn);
    } else {
      this.#onTime();
    }
  };

  readonly #onTime = (): void => {
    this.#planned = false;
    this.#flush();
  };
}
