/*
 * Ejects an instance that has only failed for a while. Pure: a count and an age go in.
 *
 * It sees what the success rate cannot: an instance with so little traffic that its window never holds enough calls. A
 * lost connection fails everything on it in the same moment, which is one event and not a series of failures; so the
 * series must also have lasted.
 */

export interface ConsecutiveFailuresOptions {
  /** Failures in a row from which on it is ejected; 5, as in Envoy. */
  readonly maxFailures: number;
  /** How long the series must have lasted; 1 s: longer than any one event, shorter than a person's patience. */
  readonly minSeriesMs: number;
}

export const consecutiveFailuresDefaults: ConsecutiveFailuresOptions = { maxFailures: 5, minSeriesMs: 1000 };

/** `seriesMs` is the time since the first failure of the series. */
export function failsInARow(failures: number, seriesMs: number, options: ConsecutiveFailuresOptions): boolean {
  return failures >= options.maxFailures && seriesMs >= options.minSeriesMs;
}
