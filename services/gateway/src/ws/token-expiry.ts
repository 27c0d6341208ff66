import type { Clock, Timer } from "@weft/mesh";

/** Who acts with the token. */
export interface TokenHolder {
  tokenExpiring(expiresAtMs: number): void;
  tokenExpired(): void;
}

/** Foresees the end of the token that a connection acts with; one timer at a time, as there are many connections. */
export class TokenExpiry {
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly #noticeMs: number;
  readonly #holder: TokenHolder;
  #timer: Timer | undefined;

  /** `noticeMs` before the end the holder hears that it is near. */
  constructor(clock: Pick<Clock, "now" | "setTimer">, noticeMs: number, holder: TokenHolder) {
    this.#clock = clock;
    this.#noticeMs = noticeMs;
    this.#holder = holder;
  }

  /** Of another token than before. */
  watch(expiresAtMs: number): void {
    this.stop();
    const clock = this.#clock;
    const notice = (): void => {
      this.#timer = clock.setTimer(() => this.#holder.tokenExpired(), expiresAtMs - clock.now());
      this.#holder.tokenExpiring(expiresAtMs);
    };
    this.#timer = clock.setTimer(notice, expiresAtMs - this.#noticeMs - clock.now());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
