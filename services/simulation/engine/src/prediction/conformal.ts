/**
 * Split-conformal intervals (Vovk et al. 2005; Lei et al. 2018): how far a model may be off is read from cases it was not
 * fitted to, and not assumed. With n of these and 1 − α asked for, the ⌈(n + 1)(1 − α)⌉-th smallest error covers a new case of
 * the same kind with a probability of at least 1 − α, whatever the model and however errors are distributed.
 *
 * Errors are divided by what a second model expects of them, so that intervals are narrow where the first is good.
 */
export interface ConformalCase {
  readonly actual: number;
  readonly predicted: number;
  /** The size of error to expect, above 0. */
  readonly scale: number;
}

/**
 * By how many scales an interval must reach to both sides to cover a share `coverage` of new cases. Infinity when there
 * are too few cases to say: fewer than coverage ÷ (1 − coverage).
 */
export function conformalReach(cases: readonly ConformalCase[], coverage: number): number {
  const scores = cases
    .map(({ actual, predicted, scale }) => Math.abs(actual - predicted) / scale)
    .sort((a, b) => a - b);
  return scores[Math.ceil((scores.length + 1) * coverage) - 1] ?? Infinity;
}
