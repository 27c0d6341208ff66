import type { Clock, Timer } from "../clock.ts";
import { RealtimeError } from "../errors.ts";
import type { SettlePublish } from "../publisher.ts";

/*
 * What this tab has given the leader to publish, until the leader says what became of it. A leader that is not there any more
 * says nothing: what it had is given up with it, as it may have been sent.
 */

export class TabPublishes {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #open = new Map<number, { readonly settle: SettlePublish; readonly timer: Timer }>();
  #lastId = 0;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Gives the name under which the answer will come. */
  add(settle: SettlePublish): number {
    this.#lastId += 1;
    const id = this.#lastId;
    const late = () => this.settle(id, new RealtimeError("timed_out", "no answer came; it may have been published"));
    this.#open.set(id, { settle, timer: this.#clock.setTimer(late, this.#timeoutMs) });
    return id;
  }

  settle(id: number, error: RealtimeError | undefined): void {
    const publish = this.#open.get(id);
    this.#open.delete(id);
    publish?.timer.cancel();
    publish?.settle(error);
  }

  /** The leader is gone, or this tab. */
  giveUp(): void {
    for (const id of [...this.#open.keys()]) {
      this.settle(id, new RealtimeError("disconnected", "the connection has moved; it may have been published"));
    }
  }
}
