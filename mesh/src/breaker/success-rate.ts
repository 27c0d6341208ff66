/*
 * Ejects an instance that fails most of its calls. Pure: two counts go in.
 *
 * A ratio alone would judge by a single call, so a minimum of calls goes with it; a window alone would forget a quiet
 * instance between two calls, which is what consecutive-failures.ts is for.
 */

export interface SuccessRateOptions {
  /** Share of failed calls, 0 to 1, from which on it is ejected; 0.5: below it the instance still does more good than harm. */
  readonly errorRatio: number;
  /** Calls needed in the window before the ratio counts; 10: fewer let two unlucky calls eject an instance. */
  readonly minCalls: number;
  /** Window over which calls are counted; 10 s: the interval at which Envoy and Finagle judge too. */
  readonly windowMs: number;
}

export const successRateDefaults: SuccessRateOptions = { errorRatio: 0.5, minCalls: 10, windowMs: 10_000 };

export function failsTooOften(calls: number, failures: number, options: SuccessRateOptions): boolean {
  return calls >= options.minCalls && failures >= calls * options.errorRatio;
}
