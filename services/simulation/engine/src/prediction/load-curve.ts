/**
 * Makes predictions rise with the load. A tree's answer jumps up and down as its features move, so predictions at two
 * loads could fall where latency cannot. Each figure is therefore predicted at fixed shares of the load that saturates
 * the architecture, which do not depend on the load that is asked for; there it takes the highest so far; and between two
 * of them it goes from one to the other as theory does, which rises. Beyond the last it rises with theory.
 */
export interface CurvePoint {
  readonly load: number;
  /** What theory says, above 0. */
  readonly theory: number;
  /** What the emulator makes of it, above 0. */
  readonly predicted: number;
}

/** `points` by ascending load; at least one. */
export function onCurve(points: readonly CurvePoint[], load: number, theory: number): number {
  let highest = 0;
  let below: { readonly theory: number; readonly value: number } | undefined;
  for (const point of points) {
    highest = Math.max(highest, point.predicted);
    if (point.load > load) {
      if (below === undefined) return highest * Math.min(1, theory / point.theory);
      const way = Math.log(point.theory / below.theory);
      const share = way > 0 ? Math.min(1, Math.max(0, Math.log(theory / below.theory) / way)) : 0;
      return below.value * (highest / below.value) ** share;
    }
    below = { theory: point.theory, value: highest };
  }
  if (below === undefined) throw new RangeError("a curve has at least one point");
  return below.value * Math.max(1, theory / below.theory);
}
