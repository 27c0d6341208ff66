import type { Clock, Timer } from "./clock.ts";

/*
 * Keeps a connection under the frames per second that its server allows: coming back with a hundred channels at once would
 * get it closed, again and again. A bucket like the server's, a fifth smaller, which leaves room for pings and refreshes that
 * do not queue. Order is kept.
 */

const share = 0.8;

export class FramePacer {
  readonly #clock: Clock;
  #perSecond = 1;
  #available = 0;
  #countedAtMs = 0;
  #queue: (() => void)[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins anew, for a connection that may send `framesPerSecond`. */
  start(framesPerSecond: number): void {
    this.stop();
    this.#perSecond = Math.max(1, framesPerSecond * share);
    this.#available = this.#perSecond;
    this.#countedAtMs = this.#clock.now();
  }

  /** Calls `send` as soon as it may. */
  push(send: () => void): void {
    this.#queue.push(send);
    if (this.#timer === undefined) {
      this.#run();
    }
  }

  /** Forgets what waits. */
  stop(): void {
    this.#queue = [];
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #run(): void {
    const nowMs = this.#clock.now();
    const earned = (Math.max(0, nowMs - this.#countedAtMs) / 1000) * this.#perSecond;
    this.#available = Math.min(this.#perSecond, this.#available + earned);
    this.#countedAtMs = nowMs;
    while (this.#queue.length > 0 && this.#available >= 1) {
      this.#available -= 1;
      this.#queue.shift()?.();
    }
    if (this.#queue.length > 0) {
      this.#timer = this.#clock.setTimer(
        () => {
          this.#timer = undefined;
          this.#run();
        },
        Math.ceil(((1 - this.#available) / this.#perSecond) * 1000),
      );
    }
  }
}
