import type { Clock, Timer } from "@weft/mesh";

export interface TokenExpiryOptions {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  /** How long before the end the notice comes. */
  readonly noticeMs: number;
  /** Says when it ends. */
  readonly onNotice: (expiresAtMs: number) => void;
  readonly onEnd: () => void;
}

/** Foresees the end of the token that a connection acts with; one timer at a time, as there are many connections. */
export class TokenExpiry {
  readonly #options: TokenExpiryOptions;
  #timer: Timer | undefined;

  constructor(options: TokenExpiryOptions) {
    this.#options = options;
  }

  /** Of another token than before. */
  watch(expiresAtMs: number): void {
    this.stop();
    const { clock, noticeMs, onNotice, onEnd } = this.#options;
    const notice = (): void => {
      this.#timer = clock.setTimer(onEnd, expiresAtMs - clock.now());
      onNotice(expiresAtMs);
    };
    this.#timer = clock.setTimer(notice, expiresAtMs - noticeMs - clock.now());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
