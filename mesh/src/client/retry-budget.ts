import type { Clock } from "../clock.ts";

/**
 * How many retries a process may add to its own traffic: a fifth of its calls, and ten a second so that a quiet client may
 * retry at all (the numbers of Finagle). One budget is shared by all peers' retries, so that a failing dependency is met
 * with at most 20 % more load, never with a multiple.
 */
export interface RetryBudgetOptions {
  readonly clock: Clock;
  /** Retries earned by a call; 0.2 when absent. */
  readonly ratio?: number;
  /** Retries earned by a second; 10 when absent. */
  readonly perSecond?: number;
  /** Seconds' worth of savings that are kept; 10 when absent. */
  readonly savedSeconds?: number;
}

export class RetryBudget {
  readonly #clock: Clock;
  readonly #ratio: number;
  readonly #perSecond: number;
  readonly #limit: number;
  #balance: number;
  #updatedAtMs: number;

  constructor(options: RetryBudgetOptions) {
    this.#clock = options.clock;
    this.#ratio = options.ratio ?? 0.2;
    this.#perSecond = options.perSecond ?? 10;
    this.#limit = this.#perSecond * (options.savedSeconds ?? 10);
    this.#balance = this.#limit;
    this.#updatedAtMs = options.clock.monotonicMs();
  }

  /** A first attempt was made. */
  deposit(): void {
    this.#accrue();
    // Earned by traffic, so it may exceed what time alone saves, up to as much again.
    this.#balance = Math.min(this.#limit * 2, this.#balance + this.#ratio);
  }

  /** Takes one retry; false when there is none to take. */
  tryWithdraw(): boolean {
    this.#accrue();
    if (this.#balance < 1) {
      return false;
    }
    this.#balance -= 1;
    return true;
  }

  #accrue(): void {
    const now = this.#clock.monotonicMs();
    const earned = ((now - this.#updatedAtMs) / 1000) * this.#perSecond;
    this.#updatedAtMs = now;
    if (this.#balance < this.#limit) {
      this.#balance = Math.min(this.#limit, this.#balance + earned);
    }
  }
}
