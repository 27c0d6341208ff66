/** How good predictions are, over cases; errors are ln(predicted ÷ actual). */

/** Mean of |predicted ÷ actual − 1|. */
export function meanAbsolutePercentage(logErrors: readonly number[]): number {
  return logErrors.reduce((sum, error) => sum + Math.abs(Math.expm1(error)), 0) / logErrors.length;
}

/** The size of error that this share of the cases stays below, as a ratio. */
export function errorQuantile(logErrors: readonly number[], share: number): number {
  const sizes = logErrors.map((error) => Math.abs(Math.expm1(error))).sort((one, other) => one - other);
  return sizes[Math.min(sizes.length - 1, Math.floor(share * sizes.length))] ?? 0;
}

export function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(2)} %`.padStart(8);
}
