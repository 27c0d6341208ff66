import type { Clock, Timer } from "@weft/mesh";

export interface TokenExpiryOptions {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  /** How long before the end the notice comes. */
  readonly noticeMs: number;
  /** Says when it ends, as ISO 8601. */
  readonly onNotice: (expiresAt: string) => void;
  readonly onEnd: () => void;
}

/** Foresees the end of the token that a connection acts with. */
export class TokenExpiry {
  readonly #options: TokenExpiryOptions;
  #timers: readonly Timer[] = [];

  constructor(options: TokenExpiryOptions) {
    this.#options = options;
  }

  /** Of another token than before. */
  watch(expiresAtMs: number): void {
    this.stop();
    const { clock, noticeMs, onNotice, onEnd } = this.#options;
    const leftMs = expiresAtMs - clock.now();
    const notice = () => onNotice(new Date(expiresAtMs).toISOString());
    this.#timers = [clock.setTimer(notice, leftMs - noticeMs), clock.setTimer(onEnd, leftMs)];
  }

  stop(): void {
    for (const timer of this.#timers) {
      timer.cancel();
    }
    this.#timers = [];
  }
}
