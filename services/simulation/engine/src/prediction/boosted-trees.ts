/**
 * Gradient boosting with small regression trees (Friedman 2001), Huber's loss: fitted here, kept as plain numbers.
 *
 * Small and repeatable before anything else: all trees have the same depth, splits are chosen exactly, every tree sees
 * every row, and no random number is drawn. Cuts lie half way between two neighbouring values, rounded to five digits
 * before they are used, so that a model read from JSON is the model that was judged.
 */
export interface TreeOptions {
  readonly trees: number;
  /** 1 to 6. */
  readonly depth: number;
  /** Share of each tree's answer that is added, above 0 to 1. */
  readonly learningRate: number;
  /** Rows that each leaf must have. */
  readonly leafRows: number;
  /** Draws leaves towards 0, as if so many rows of value 0 were in each. */
  readonly shrinkage: number;
  /** Errors count as no larger than this, so that a few wild rows do not bend the rest; Infinity is squared loss. */
  readonly largestError: number;
}

/**
 * Trees one after the other. A tree of depth d has 2^d − 1 places for cuts, level by level, and 2^d leaves; a place whose
 * feature is −1 goes left.
 */
export interface BoostedTrees {
  readonly depth: number;
  readonly base: number;
  readonly features: readonly number[];
  readonly cuts: readonly number[];
  readonly leaves: readonly number[];
}

export function evaluateTrees({ depth, base, features, cuts, leaves }: BoostedTrees, row: ArrayLike<number>): number {
  const places = 2 ** depth - 1;
  let sum = base;
  for (let tree = 0; tree * places < features.length; tree++) {
    let place = 0;
    for (let level = 0; level < depth; level++) {
      const feature = features[tree * places + place] as number;
      const isRight = feature >= 0 && (row[feature] as number) > (cuts[tree * places + place] as number);
      place = 2 * place + (isRight ? 2 : 1);
    }
    sum += leaves[tree * (places + 1) + place - places] as number;
  }
  return sum;
}

/** Fits `values`, one per row; rows have the same length. */
export function fitTrees(
  rows: readonly ArrayLike<number>[],
  values: ArrayLike<number>,
  options: TreeOptions,
): BoostedTrees {
  const { trees, depth, learningRate } = options;
  const base = baseOf(values, options.largestError);
  const errors = Float64Array.from({ length: rows.length }, (_, index) => (values[index] as number) - base);
  const left = new Float64Array(rows.length);
  const orders = ordersOf(rows);
  const places = 2 ** depth - 1;
  const features: number[] = [];
  const cuts: number[] = [];
  const leaves: number[] = [];
  for (let tree = 0; tree < trees; tree++) {
    const place = new Int32Array(rows.length);
    for (let row = 0; row < rows.length; row++) left[row] = limited(errors[row] as number, options.largestError);
    for (let at = 0; at < places; at++) {
      const split = bestSplit(rows, orders, left, place, at, options);
      features.push(split?.feature ?? -1);
      cuts.push(split?.cut ?? 0);
      for (let row = 0; row < rows.length; row++) {
        if (place[row] !== at) continue;
        const isRight = split !== undefined && ((rows[row] as ArrayLike<number>)[split.feature] as number) > split.cut;
        place[row] = 2 * at + (isRight ? 2 : 1);
      }
    }
    for (let leaf = 0; leaf <= places; leaf++) {
      let sum = 0;
      let count = 0;
      for (let row = 0; row < rows.length; row++) {
        if (place[row] !== places + leaf) continue;
        sum += left[row] as number;
        count++;
      }
      const value = count === 0 ? 0 : rounded((learningRate * sum) / (count + options.shrinkage));
      leaves.push(value);
      for (let row = 0; row < rows.length; row++) {
        if (place[row] === places + leaf) errors[row] = (errors[row] as number) - value;
      }
    }
  }
  return { depth, base, features, cuts, leaves };
}

/** By feature, the rows in ascending order of it. */
function ordersOf(rows: readonly ArrayLike<number>[]): Int32Array[] {
  const length = rows[0]?.length ?? 0;
  return Array.from({ length }, (_, feature) =>
    Int32Array.from(rows.keys()).sort((one, other) => {
      return (rows[one]?.[feature] as number) - (rows[other]?.[feature] as number) || one - other;
    }),
  );
}

/** The cut that lowers the squared error of the rows at this place most; `undefined` when none does. */
function bestSplit(
  rows: readonly ArrayLike<number>[],
  orders: readonly Int32Array[],
  left: Float64Array,
  place: Int32Array,
  at: number,
  { leafRows, shrinkage }: TreeOptions,
): { readonly feature: number; readonly cut: number } | undefined {
  let total = 0;
  let count = 0;
  for (let row = 0; row < place.length; row++) {
    if (place[row] !== at) continue;
    total += left[row] as number;
    count++;
  }
  let best = (total * total) / (count + shrinkage) + 1e-12;
  let found: { feature: number; cut: number } | undefined;
  for (const [feature, order] of orders.entries()) {
    let sum = 0;
    let passed = 0;
    let previous = 0;
    for (const row of order) {
      if (place[row] !== at) continue;
      const value = rows[row]?.[feature] as number;
      if (value > previous && passed >= leafRows && count - passed >= leafRows) {
        const cut = rounded((previous + value) / 2);
        const gain = (sum * sum) / (passed + shrinkage) + (total - sum) ** 2 / (count - passed + shrinkage);
        // Rounding must not move the cut past a row.
        if (gain > best && cut >= previous && cut < value) {
          best = gain;
          found = { feature, cut };
        }
      }
      sum += left[row] as number;
      passed++;
      previous = value;
    }
  }
  return found;
}

/** The mean; with limited errors the median. */
function baseOf(values: ArrayLike<number>, largestError: number): number {
  const all = Array.from(values).sort((one, other) => one - other);
  if (largestError < Infinity) return rounded(all[Math.floor(all.length / 2)] ?? 0);
  return rounded(all.reduce((sum, value) => sum + value, 0) / all.length);
}

function limited(error: number, largest: number): number {
  return Math.max(-largest, Math.min(largest, error));
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
