/**
 * How many attempts a process may add to its own traffic: a fifth of its calls, and ten a second so that a quiet client
 * may retry at all (the numbers of Finagle). One budget is shared by all peers' retries and hedges, so that a failing
 * dependency is met with at most 20 % more load, never with a multiple.
 *
 *   calls × 0.2 ──▶ ┌──────────────────┐ ──▶ retries: while there is one to take
 *   10 a second ──▶ │ savings, limited │ ──▶ hedges: only from the half that is saved up
 *                   └──────────────────┘
 *
 * Savings are limited: what an hour without trouble has earned must not all be spent in its first second. Hedges leave
 * half of them to retries, because a hedge only makes a call faster, and a retry makes it succeed.
 */
export interface RetryBudgetOptions {
  /** Attempts earned by a call; 0.2 when absent. */
  readonly ratio?: number;
  /** Attempts earned by a second; 10 when absent. */
  readonly perSecond?: number;
  /** Seconds' worth of savings that are kept; 10 when absent. */
  readonly savedSeconds?: number;
}

export class RetryBudget {
  readonly #ratio: number;
  readonly #perSecond: number;
  readonly #limit: number;
  #balance: number;
  #updatedAtMs = Number.POSITIVE_INFINITY;

  constructor(options: RetryBudgetOptions = {}) {
    this.#ratio = options.ratio ?? 0.2;
    this.#perSecond = options.perSecond ?? 10;
    this.#limit = this.#perSecond * (options.savedSeconds ?? 10);
    this.#balance = this.#limit;
  }

  /** A first attempt was made. */
  deposit(nowMs: number): void {
    this.#accrue(nowMs);
    // Earned by traffic, so it may exceed what time alone saves, up to as much again.
    this.#balance = Math.min(this.#limit * 2, this.#balance + this.#ratio);
  }

  /** Takes one retry; false when there is none to take. */
  tryWithdraw(nowMs: number): boolean {
    return this.#take(1, nowMs);
  }

  /** Takes one hedge; false when the savings are low. */
  tryWithdrawHedge(nowMs: number): boolean {
    return this.#take(this.#limit / 2 + 1, nowMs);
  }

  #take(needed: number, nowMs: number): boolean {
    this.#accrue(nowMs);
    if (this.#balance < needed) {
      return false;
    }
    this.#balance -= 1;
    return true;
  }

  #accrue(nowMs: number): void {
    if (nowMs > this.#updatedAtMs && this.#balance < this.#limit) {
      const earned = ((nowMs - this.#updatedAtMs) / 1000) * this.#perSecond;
      this.#balance = Math.min(this.#limit, this.#balance + earned);
    }
    this.#updatedAtMs = nowMs;
  }
}
