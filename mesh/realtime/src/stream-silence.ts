import type { Clock, Timer } from "./clock.ts";

/*
 * Whether a stream of events is alive, which it cannot be asked: the server sends something every 15 s, so that silence for
 * longer is the end of it. Who doubts it (a page that was asleep) has the next of these come in time, or ends it sooner.
 */

/** How often the server sends something, with a little for the way. */
const beatMs = 16_000;

export class StreamSilence {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #isOpen: () => boolean;
  readonly #onSilent: (reason: string) => void;
  #heardAtMs: number;
  #silenceTimer: Timer | undefined;
  #probeTimer: Timer | undefined;

  /** While no stream `isOpen` there is nothing to hear. */
  constructor(clock: Clock, silenceMs: number, isOpen: () => boolean, onSilent: (reason: string) => void) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#isOpen = isOpen;
    this.#onSilent = onSilent;
    this.#heardAtMs = clock.now();
  }

  /** Something came. */
  heard(): void {
    this.#heardAtMs = this.#clock.now();
    this.#probeTimer?.cancel();
    this.#probeTimer = undefined;
    if (this.#silenceTimer === undefined) {
      this.#watch();
    }
  }

  /** Has the next sign of life come `timeoutMs` late at most; `reason` is told otherwise. */
  probe(timeoutMs: number, reason: string): void {
    this.#probeTimer?.cancel();
    const untilBeatMs = Math.max(0, this.#heardAtMs + beatMs - this.#clock.now());
    this.#probeTimer = this.#clock.setTimer(() => this.#onSilent(reason), untilBeatMs + timeoutMs);
  }

  stop(): void {
    this.#silenceTimer?.cancel();
    this.#probeTimer?.cancel();
  }

  #watch(): void {
    const leftMs = this.#heardAtMs + this.#silenceMs - this.#clock.now();
    if (leftMs <= 0 && this.#isOpen()) {
      this.#onSilent("ping_timeout");
    } else {
      const againMs = leftMs <= 0 ? this.#silenceMs : Math.min(leftMs, this.#silenceMs);
      this.#silenceTimer = this.#clock.setTimer(() => this.#watch(), againMs);
    }
  }
}
