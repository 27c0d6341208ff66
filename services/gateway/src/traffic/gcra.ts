/*
 * The arithmetic of a budget that refills steadily: the generic cell rate algorithm (ITU-T I.371, 1993), which is a token
 * bucket kept in one number, the time at which the bucket will be full again. All of it in whole microseconds, so that
 * nothing is lost to rounding however long a budget lives; the Lua script of the Redis store computes the very same.
 *
 * In any stretch of W seconds no more than `burst + ratePerSecond * W` tokens are given.
 */

export interface Limit {
  readonly ratePerSecond: number;
  /** Tokens in a full budget. */
  readonly burst: number;
}

export interface Grant {
  /** Tokens taken; 0 when there were fewer than the least that was asked for. */
  readonly granted: number;
  /** How long the budget needs to be full again. */
  readonly aheadUs: number;
}

/** Between two tokens; rounded up, so that a limit is never exceeded by rounding. */
export function intervalUs({ ratePerSecond }: Limit): number {
  return Math.ceil(1_000_000 / ratePerSecond);
}

/**
 * Takes as many tokens as there are, from `least` to `most`, or none. `aheadUs` is the state before; what lies outside of a
 * budget (a clock that was set back) is taken for empty.
 */
export function takeTokens(aheadUs: number, limit: Limit, least: number, most: number): Grant {
  const interval = intervalUs(limit);
  const fullUs = limit.burst * interval;
  const ahead = Math.max(0, Math.min(aheadUs, fullUs));
  const granted = Math.min(most, Math.floor((fullUs - ahead) / interval));
  return granted < least ? { granted: 0, aheadUs: ahead } : { granted, aheadUs: ahead + granted * interval };
}

/** Tokens that are there. */
export function tokensLeft(aheadUs: number, limit: Limit): number {
  return Math.max(0, Math.floor(limit.burst - aheadUs / intervalUs(limit)));
}

/** How long until `tokens` are there; 0 when they are. A budget that never holds that many is asked for all it has. */
export function waitUs(aheadUs: number, limit: Limit, tokens: number): number {
  return Math.max(0, aheadUs - (limit.burst - Math.min(tokens, limit.burst)) * intervalUs(limit));
}
