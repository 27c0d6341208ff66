/*
 * Whether the shared counters are worth waiting for. One failure or late answer and nobody waits any more: for a second
 * everything is decided here, then a single call is also sent to the store, without waiting for it, to see whether it is
 * back.
 *
 *   admitting ──failed──▶ ejected ──after pauseMs──▶ probing ──answered──▶ admitting
 *                            ▲                          │
 *                            └──────────failed──────────┘
 */

const pauseMs = 1000;

export class StoreHealth {
  #state: "admitting" | "ejected" | "probing" = "admitting";
  #ejectedAtMs = 0;

  /** Whether a call may wait for the store's answer. */
  get admits(): boolean {
    return this.#state === "admitting";
  }

  /** True once per pause: the caller has to ask the store, and to tell how it went. */
  shouldProbe(nowMs: number): boolean {
    if (this.#state !== "ejected" || nowMs - this.#ejectedAtMs < pauseMs) {
      return false;
    }
    this.#state = "probing";
    return true;
  }

  answered(): void {
    this.#state = "admitting";
  }

  failed(nowMs: number): void {
    this.#state = "ejected";
    this.#ejectedAtMs = nowMs;
  }
}
