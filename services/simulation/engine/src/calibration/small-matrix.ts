/**
 * Inverting symmetric positive matrices of a few rows. Rows are first scaled to a diagonal of ones: parameters of very
 * different sizes (10⁻⁴ beside 10⁴) would otherwise look like rounding errors of each other.
 */
export type Matrix = readonly (readonly number[])[];

/** Undefined when it has none, as when two parameters do the same. */
export function inverse(matrix: Matrix): number[][] | undefined {
  const size = matrix.length;
  const scale = matrix.map((row, index) => Math.sqrt(row[index] as number));
  if (!scale.every((one) => one > 0 && one < Infinity)) return undefined;
  const rows = matrix.map((row, r) => [
    ...row.map((entry, c) => entry / ((scale[r] as number) * (scale[c] as number))),
    ...Array.from({ length: size }, (_, c) => (c === r ? 1 : 0)),
  ]);
  for (let pivot = 0; pivot < size; pivot++) {
    const best = largestBelow(rows, pivot);
    [rows[pivot], rows[best]] = [rows[best] as number[], rows[pivot] as number[]];
    const own = rows[pivot] as number[];
    const head = own[pivot] as number;
    if (!(Math.abs(head) > 1e-13)) return undefined;
    for (let column = 0; column < 2 * size; column++) own[column] = (own[column] as number) / head;
    for (const [index, row] of rows.entries()) {
      const factor = row[pivot] as number;
      if (index === pivot || factor === 0) continue;
      for (let column = 0; column < 2 * size; column++) {
        row[column] = (row[column] as number) - factor * (own[column] as number);
      }
    }
  }
  return rows.map((row, r) => row.slice(size).map((entry, c) => entry / ((scale[r] as number) * (scale[c] as number))));
}

/** vᵀMv. */
export function quadraticForm(matrix: Matrix, vector: readonly number[]): number {
  let total = 0;
  for (const [r, row] of matrix.entries()) {
    for (const [c, entry] of row.entries()) total += (vector[r] as number) * entry * (vector[c] as number);
  }
  return total;
}

function largestBelow(rows: readonly (readonly number[])[], pivot: number): number {
  let best = pivot;
  for (let row = pivot + 1; row < rows.length; row++) {
    if (Math.abs(rows[row]?.[pivot] as number) > Math.abs(rows[best]?.[pivot] as number)) best = row;
  }
  return best;
}
