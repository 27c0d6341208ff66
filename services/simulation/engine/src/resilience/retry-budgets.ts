/**
 * How many retries there may be: buckets of tokens that calls fill and retries empty (Brooker, 2022), so that retries cannot
 * exceed a share of the calls when everything fails.
 *
 * A bucket belongs to one calling instance and link (scope "client"), or to all instances and links of a component ("tier").
 */
import type { RunLink } from "../run-link.ts";

export class RetryBudgets {
  /** By link, then by calling instance; tokens. */
  readonly #ofClients: number[][];
  /** By component. */
  readonly #ofTiers: (number | undefined)[] = [];

  constructor(links: readonly unknown[]) {
    this.#ofClients = links.map(() => []);
  }

  /** A first attempt is made. */
  deposit(link: RunLink, instance: number): void {
    const budget = link.retryBudget;
    if (budget !== undefined)
      this.#set(link, instance, Math.min(budget.burst, this.#tokens(link, instance) + budget.ratio));
  }

  /** Whether there may be a retry, which is then paid for. */
  take(link: RunLink, instance: number): boolean {
    if (link.retryBudget === undefined) return true;
    const tokens = this.#tokens(link, instance);
    if (tokens < 1) return false;
    this.#set(link, instance, tokens - 1);
    return true;
  }

  #tokens(link: RunLink, instance: number): number {
    const budget = link.retryBudget;
    const tokens = budget?.scope === "tier" ? this.#ofTiers[link.from] : this.#ofClients[link.index]?.[instance];
    return tokens ?? budget?.burst ?? 0;
  }

  #set(link: RunLink, instance: number, tokens: number): void {
    if (link.retryBudget?.scope === "tier") this.#ofTiers[link.from] = tokens;
    else (this.#ofClients[link.index] as number[])[instance] = tokens;
  }
}
