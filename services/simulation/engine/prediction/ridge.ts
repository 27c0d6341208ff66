/**
 * Ridge regression on standardised features (Hoerl and Kennard 1970): the plain alternative the trees are measured against.
 */
export interface RidgeModel {
  readonly centre: readonly number[];
  readonly scale: readonly number[];
  readonly weights: readonly number[];
  readonly base: number;
}

export function fitRidge(rows: readonly ArrayLike<number>[], values: readonly number[], penalty: number): RidgeModel {
  const length = rows[0]?.length ?? 0;
  const at = Array.from({ length }, (_, feature) => feature);
  const mean = (read: (row: ArrayLike<number>) => number) =>
    rows.reduce((sum, row) => sum + read(row), 0) / rows.length;
  const centre = at.map((feature) => mean((row) => row[feature] as number));
  const scale = at.map(
    (feature) => Math.sqrt(mean((row) => ((row[feature] as number) - (centre[feature] as number)) ** 2)) || 1,
  );
  const base = values.reduce((sum, value) => sum + value, 0) / values.length;
  const standard = rows.map((row) => standardised({ centre, scale }, row));
  const matrix = at.map((a) =>
    at.map((b) => standard.reduce((sum, row) => sum + (row[a] as number) * (row[b] as number), a === b ? penalty : 0)),
  );
  const right = at.map((a) =>
    standard.reduce((sum, row, index) => sum + (row[a] as number) * ((values[index] as number) - base), 0),
  );
  return { centre, scale, weights: solved(matrix, right), base };
}

export function evaluateRidge(model: RidgeModel, row: ArrayLike<number>): number {
  return standardised(model, row).reduce((sum, value, at) => sum + value * (model.weights[at] as number), model.base);
}

export function standardised(
  { centre, scale }: Pick<RidgeModel, "centre" | "scale">,
  row: ArrayLike<number>,
): number[] {
  return centre.map((middle, feature) => ((row[feature] as number) - middle) / (scale[feature] as number));
}

/** Gauss's elimination; the matrix is positive definite, so it needs no pivots. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const size = right.length;
  const rows = matrix.map((row, index) => [...row, right[index] as number]);
  for (let at = 0; at < size; at++) {
    const pivot = rows[at] as number[];
    for (let row = at + 1; row < size; row++) {
      const changed = rows[row] as number[];
      const factor = (changed[at] as number) / (pivot[at] as number);
      for (let column = at; column <= size; column++) {
        changed[column] = (changed[column] as number) - factor * (pivot[column] as number);
      }
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let at = size - 1; at >= 0; at--) {
    const row = rows[at] as number[];
    let sum = row[size] as number;
    for (let column = at + 1; column < size; column++) sum -= (row[column] as number) * (solution[column] as number);
    solution[at] = sum / (row[at] as number);
  }
  return solution;
}
