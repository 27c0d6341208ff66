/**
 * Least squares without negative coefficients (Lawson and Hanson's problem, 1974), for a handful of columns, by coordinate
 * descent on the normal equations (Franc, Hlaváč and Navara 2005): each step is the best value of one coefficient, cut at 0.
 *
 * What makes a coefficient trustworthy is said beside it: its standard error, and its tolerance, the share of its column that
 * the other columns cannot make up. A tolerance near 0 means that any value would fit as well.
 */
export interface LeastSquares {
  readonly coefficients: readonly number[];
  readonly standardErrors: readonly number[];
  /** 0 to 1. */
  readonly tolerances: readonly number[];
  /** Share of the variation of the right side, around its mean, that is explained; 0 when it does not vary. */
  readonly explained: number;
}

const mostRounds = 20_000;

/** `columns[c][row]` and `right[row]`, as many rows in each. */
export function nonNegativeLeastSquares(columns: readonly Float64Array[], right: Float64Array): LeastSquares {
  const count = columns.length;
  const gram = columns.map((one) => columns.map((other) => dot(one, other)));
  const target = columns.map((column) => dot(column, right));
  const at = (row: number, column: number) => gram[row]?.[column] as number;
  const coefficients = new Array<number>(count).fill(0);
  for (let round = 0, change = 1; round < mostRounds && change > 1e-12; round++) {
    change = 0;
    for (let index = 0; index < count; index++) {
      const before = coefficients[index] as number;
      let gradient = -(target[index] as number);
      for (let other = 0; other < count; other++) gradient += at(index, other) * (coefficients[other] as number);
      const after = at(index, index) > 0 ? Math.max(0, before - gradient / at(index, index)) : 0;
      coefficients[index] = after;
      change = Math.max(change, Math.abs(after - before) / Math.max(after, before, 1e-300));
    }
  }
  let residual = 0;
  for (let row = 0; row < right.length; row++) {
    let predicted = 0;
    for (let index = 0; index < count; index++) {
      predicted += (columns[index]?.[row] as number) * (coefficients[index] as number);
    }
    residual += ((right[row] as number) - predicted) ** 2;
  }
  const mean = right.reduce((sum, value) => sum + value, 0) / right.length;
  const total = right.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const variance = residual / Math.max(1, right.length - count);
  const unique = uniqueSquares(gram);
  return {
    coefficients,
    standardErrors: unique.map((square) => (square > 0 ? Math.sqrt(variance / square) : Number.POSITIVE_INFINITY)),
    tolerances: unique.map((square, index) => (at(index, index) > 0 ? square / at(index, index) : 0)),
    explained: total > 0 ? Math.max(0, 1 - residual / total) : 0,
  };
}

/** Of each column, the squared length of what is left when it is regressed on the others. */
function uniqueSquares(gram: readonly (readonly number[])[]): number[] {
  return gram.map((_, index) => {
    // Eliminating all others from the Gram matrix leaves the Schur complement of this one.
    const order = [...gram.keys()].filter((other) => other !== index);
    order.push(index);
    const matrix = order.map((row) => order.map((column) => gram[row]?.[column] as number));
    for (let pivot = 0; pivot < matrix.length - 1; pivot++) {
      const pivotRow = matrix[pivot] as number[];
      const own = order[pivot] as number;
      if (!((pivotRow[pivot] as number) > 1e-9 * (gram[own]?.[own] as number))) continue;
      for (let row = pivot + 1; row < matrix.length; row++) {
        const factor = (matrix[row]?.[pivot] as number) / (pivotRow[pivot] as number);
        for (let column = pivot; column < matrix.length; column++) {
          (matrix[row] as number[])[column] = (matrix[row]?.[column] as number) - factor * (pivotRow[column] as number);
        }
      }
    }
    return Math.max(0, matrix.at(-1)?.at(-1) ?? 0);
  });
}

function dot(one: Float64Array, other: Float64Array): number {
  let sum = 0;
  for (let row = 0; row < one.length; row++) sum += (one[row] as number) * (other[row] as number);
  return sum;
}
