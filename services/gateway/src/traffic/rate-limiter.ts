import type { Clock, Logger } from "@weft/mesh";
import { type Grant, type Limit, takeTokens, tokensLeft, waitUs } from "./gcra.ts";
import type { RateLimitPolicy } from "./rate-limit-policies.ts";
import type { RateLimitStore, TokenRequest } from "./rate-limit-store.ts";
import { RecentBudgets } from "./recent-budgets.ts";
import { StoreHealth } from "./store-health.ts";

/*
 * Decides whether a call is within its client's budget (GW-05), for all gateways together and without a trip to the store
 * per call. In this order:
 *
 *  1. A lease: tokens that were taken from the store together with earlier ones and are not older than `leaseMs`.
 *  2. A refusal that the store has given and that still holds: a flood is refused here and costs the store nothing.
 *  3. The store, asked once per turn of the event loop for all calls that came in it.
 *  4. While the store is away, the budget as it was known here last, which goes on by itself; or a refusal, where the
 *     policy is closed. Nobody waits for a store that is known to be away, or longer than `storeTimeoutMs` to find out.
 *
 * What holds: in any stretch of W seconds of the store's time no client is let through more often than `burst + rate * W`,
 * whatever the number of gateways. A leased token is spent up to `leaseMs` after it was charged, so a budget that leases
 * is kept that much smaller (`rate * leaseMs`); one too small for that never leases, so slow budgets are exact to the call.
 * What does not: a store that has lost its data begins with full budgets, and while it is away each gateway counts alone.
 */

export interface RateLimitVerdict {
  readonly policy: RateLimitPolicy;
  readonly outcome: "allowed" | "refused" | "unavailable";
  /** Tokens left afterwards, as far as is known here. */
  readonly remaining: number;
  /** How long until the budget is full, if nothing else is called. */
  readonly fullInMs: number;
  /** When a refused call would be let through. */
  readonly retryAfterMs: number;
}

export interface RateLimiterOptions {
  readonly store: RateLimitStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long an answer of the store is waited for. */
  readonly storeTimeoutMs: number;
  /** Hears of each decision that was made without the store because it was away. */
  readonly onLocal?: () => void;
}

/** Long enough to spare a busy client's calls nearly all trips, short enough to cost a budget little. */
const leaseMs = 50;
/** A budget gives up at most this share of its burst for leases. */
const leaseShare = 0.1;
/** In one script call: Redis does nothing else meanwhile. */
const mostPerBatch = 256;
/** Some 10 MB. */
const mostBudgets = 50_000;
const generationMs = 300_000;
const retryWhenAwayMs = 1000;

interface Waiter {
  readonly policy: RateLimitPolicy;
  decide(verdict: RateLimitVerdict): void;
}

/** One client's budget as it is known here. */
class Budget {
  readonly key: string;
  readonly limit: Limit;
  /** What may be leased ahead at most; 0 for budgets too small. */
  readonly leaseMost: number;
  /** When it will be full, on this process's clock, as the store said last; goes on alone while the store is away. */
  fullAtUs = 0;
  leased = 0;
  leaseEndsMs = 0;
  /** Calls of this cost or a higher one are refused until then. */
  refusedCost = Number.POSITIVE_INFINITY;
  refusedUntilMs = 0;
  askedAtMs = 0;
  spentSinceAsked = 0;
  waiters: Waiter[] | undefined;

  constructor(key: string, { ratePerSecond, burst }: Limit) {
    this.key = key;
    const ahead = Math.ceil((ratePerSecond * leaseMs) / 1000);
    const leases = ratePerSecond * leaseMs >= 1000 && ahead <= burst * leaseShare;
    this.leaseMost = leases ? ahead : 0;
    this.limit = { ratePerSecond, burst: burst - this.leaseMost };
  }
}

export class RateLimiter {
  readonly #options: RateLimiterOptions;
  readonly #budgets = new RecentBudgets<Budget>({ most: mostBudgets, generationMs });
  readonly #health = new StoreHealth();
  #asking: Budget[] = [];

  constructor(options: RateLimiterOptions) {
    this.#options = options;
  }

  /** Takes the policy's cost from the client's budget, if it is there. Never rejects. */
  take(policy: RateLimitPolicy, client: string): RateLimitVerdict | Promise<RateLimitVerdict> {
    const nowMs = this.#options.clock.monotonicMs();
    const key = `${policy.name}:${client}`;
    const budget = this.#budgets.get(key, nowMs, () => new Budget(key, policy.limit));
    if (budget.leased >= policy.cost && nowMs < budget.leaseEndsMs) {
      return this.#allowed(budget, policy, nowMs);
    }
    if (policy.cost >= budget.refusedCost && nowMs < budget.refusedUntilMs) {
      return verdict(budget, policy, "refused", nowMs);
    }
    if (!this.#health.admits) {
      this.#probe(budget, policy, nowMs);
      return this.#alone(budget, policy, nowMs);
    }
    return new Promise((decide) => this.#ask(budget, { policy, decide }));
  }

  #allowed(budget: Budget, policy: RateLimitPolicy, nowMs: number): RateLimitVerdict {
    budget.leased -= policy.cost;
    budget.spentSinceAsked += policy.cost;
    return verdict(budget, policy, "allowed", nowMs);
  }

  /** Without the store. */
  #alone(budget: Budget, policy: RateLimitPolicy, nowMs: number): RateLimitVerdict {
    this.#options.onLocal?.();
    if (policy.whenStoreAway === "closed") {
      return { policy, outcome: "unavailable", remaining: 0, fullInMs: 0, retryAfterMs: retryWhenAwayMs };
    }
    const { granted, aheadUs } = takeTokens(aheadOf(budget, nowMs), budget.limit, policy.cost, policy.cost);
    budget.fullAtUs = nowMs * 1000 + aheadUs;
    return verdict(budget, policy, granted === 0 ? "refused" : "allowed", nowMs);
  }

  #ask(budget: Budget, waiter: Waiter): void {
    if (budget.waiters !== undefined) {
      budget.waiters.push(waiter);
      return;
    }
    budget.waiters = [waiter];
    this.#asking.push(budget);
    if (this.#asking.length === 1) {
      // When all sockets that are readable now have been read: what they brought is asked for at once.
      setImmediate(() => this.#flush());
    }
  }

  #flush(): void {
    const asking = this.#asking;
    this.#asking = [];
    for (let at = 0; at < asking.length; at += mostPerBatch) {
      const budgets = asking.slice(at, at + mostPerBatch);
      const waiting = budgets.map(({ waiters = [] }) => waiters);
      for (const budget of budgets) {
        budget.waiters = undefined;
      }
      void this.#askStore(budgets, waiting);
    }
  }

  async #askStore(budgets: readonly Budget[], waiting: readonly (readonly Waiter[])[]): Promise<void> {
    const { clock, store } = this.#options;
    const sentAtMs = clock.monotonicMs();
    const requests = budgets.map((budget, at) => requestOf(budget, waiting[at] ?? [], sentAtMs));
    try {
      const grants = await inTime(clock, this.#options.storeTimeoutMs, store.take(requests));
      this.#health.answered();
      budgets.forEach((budget, at) => {
        this.#settle(budget, waiting[at] ?? [], grants[at] as Grant, sentAtMs);
      });
    } catch (error) {
      const nowMs = clock.monotonicMs();
      this.#noteAway(error, nowMs);
      budgets.forEach((budget, at) => {
        for (const { policy, decide } of waiting[at] ?? []) {
          decide(this.#alone(budget, policy, nowMs));
        }
      });
    }
  }

  /** Shares what was granted out in the order of arrival. */
  #settle(budget: Budget, waiters: readonly Waiter[], { granted, aheadUs }: Grant, sentAtMs: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    budget.fullAtUs = nowMs * 1000 + aheadUs;
    budget.leased = granted;
    budget.leaseEndsMs = budget.leaseMost === 0 ? 0 : sentAtMs + leaseMs;
    let refusedCost = Number.POSITIVE_INFINITY;
    for (const { policy, decide } of waiters) {
      if (budget.leased >= policy.cost) {
        decide(this.#allowed(budget, policy, nowMs));
      } else {
        refusedCost = Math.min(refusedCost, policy.cost);
        decide(verdict(budget, policy, "refused", nowMs));
      }
    }
    budget.refusedCost = refusedCost;
    budget.refusedUntilMs = nowMs + waitUs(aheadUs, budget.limit, refusedCost) / 1000;
  }

  #probe(budget: Budget, policy: RateLimitPolicy, nowMs: number): void {
    if (!this.#health.shouldProbe(nowMs)) {
      return;
    }
    const { clock, store, storeTimeoutMs, logger } = this.#options;
    const request = { key: budget.key, limit: budget.limit, least: policy.cost, most: policy.cost };
    inTime(clock, storeTimeoutMs, store.take([request])).then(
      () => {
        this.#health.answered();
        logger.info("rate limits are counted by all gateways together again");
      },
      () => this.#health.failed(clock.monotonicMs()),
    );
  }

  #noteAway(error: unknown, nowMs: number): void {
    if (this.#health.admits) {
      this.#options.logger.warn({ err: error }, "rate limits cannot be counted together; each gateway counts alone");
    }
    this.#health.failed(nowMs);
  }
}

/** What is taken for the waiters, and ahead for those to come: as much as was spent since the last time, over a lease. */
function requestOf(budget: Budget, waiters: readonly Waiter[], nowMs: number): TokenRequest {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const { policy } of waiters) {
    least = Math.min(least, policy.cost);
    most += policy.cost;
  }
  const sinceMs = nowMs - budget.askedAtMs;
  const pace = sinceMs > 2 * leaseMs ? 0 : (budget.spentSinceAsked * leaseMs) / Math.max(1, sinceMs);
  budget.askedAtMs = nowMs;
  budget.spentSinceAsked = 0;
  return {
    key: budget.key,
    limit: budget.limit,
    least,
    most: most + Math.min(budget.leaseMost, Math.floor(pace)),
  };
}

function aheadOf(budget: Budget, nowMs: number): number {
  return Math.max(0, budget.fullAtUs - nowMs * 1000);
}

function verdict(
  budget: Budget,
  policy: RateLimitPolicy,
  outcome: RateLimitVerdict["outcome"],
  nowMs: number,
): RateLimitVerdict {
  const aheadUs = aheadOf(budget, nowMs);
  const wait = outcome === "allowed" ? 0 : waitUs(aheadUs, budget.limit, policy.cost) / 1000;
  const leased = nowMs < budget.leaseEndsMs ? budget.leased : 0;
  return {
    policy,
    outcome,
    remaining: outcome === "allowed" ? tokensLeft(aheadUs, budget.limit) + leased : 0,
    fullInMs: aheadUs / 1000,
    retryAfterMs: wait,
  };
}

/** Rejects when the work takes longer. An answer that is there already, only not yet read, counts as in time. */
function inTime<T>(clock: Clock, timeoutMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => {
      setImmediate(() => reject(new Error(`no answer within ${timeoutMs} ms`)));
    }, timeoutMs);
    work.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
