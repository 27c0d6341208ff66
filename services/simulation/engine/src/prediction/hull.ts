/**
 * Whether a case is of the kind the emulator was trained on: within the range of every feature, and within the ellipsoid
 * around the training cases that holds them all (Mahalanobis 1936), which also sees combinations that never occurred.
 */
export interface Hull {
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly centre: readonly number[];
  /** The inverse covariance of the features, row by row. */
  readonly inverse: readonly number[];
  /** The squared distance of the farthest training case. */
  readonly farthest: number;
}

/** Room beyond the range, as a share of it: no case is outside because of rounding. */
const margin = 0.02;
/** Added to each variance, as a share of it; features that say the same would otherwise be told apart by noise. */
const blur = 0.01;

export function fitHull(rows: readonly ArrayLike<number>[]): Hull {
  const length = rows[0]?.length ?? 0;
  const column = (feature: number) => rows.map((row) => row[feature] as number);
  const columns = Array.from({ length }, (_, feature) => column(feature));
  const centre = columns.map((values) => short(values.reduce((sum, value) => sum + value, 0) / values.length));
  const covariance = columns.map((one, a) =>
    columns.map((other, b) => {
      const sum = one.reduce(
        (total, value, row) =>
          total + (value - (centre[a] as number)) * ((other[row] as number) - (centre[b] as number)),
        0,
      );
      return (sum / one.length) * (a === b ? 1 + blur : 1) + (a === b ? 1e-9 : 0);
    }),
  );
  const inverse = inverseOf(covariance).flat().map(short);
  const low = columns.map((values) => short(Math.min(...values)));
  const high = columns.map((values) => short(Math.max(...values)));
  const farthest = Math.max(...rows.map((row) => distance({ centre, inverse }, row)));
  return { low, high, centre, inverse, farthest: short(farthest * 1.001) };
}

/** What is unusual about a case, in words; nothing when it is within. */
export function outsideOf(hull: Hull, names: readonly string[], row: ArrayLike<number>): string[] {
  const found: string[] = [];
  for (const [feature, name] of names.entries()) {
    const [low, high] = [hull.low[feature] as number, hull.high[feature] as number];
    const value = row[feature] as number;
    const room = margin * (high - low);
    if (value >= low - room && value <= high + room) continue;
    found.push(`${name} is ${value.toPrecision(3)}; trained on ${low.toPrecision(3)} to ${high.toPrecision(3)}`);
  }
  if (found.length === 0 && distance(hull, row) > hull.farthest) {
    found.push("its features are a combination unlike any that was trained on");
  }
  return found;
}

function distance({ centre, inverse }: Pick<Hull, "centre" | "inverse">, row: ArrayLike<number>): number {
  let sum = 0;
  for (let a = 0; a < centre.length; a++) {
    let product = 0;
    for (let b = 0; b < centre.length; b++) {
      product += (inverse[a * centre.length + b] as number) * ((row[b] as number) - (centre[b] as number));
    }
    sum += product * ((row[a] as number) - (centre[a] as number));
  }
  return sum;
}

/** Gauss and Jordan, with pivots. */
function inverseOf(matrix: readonly (readonly number[])[]): number[][] {
  const size = matrix.length;
  const rows = matrix.map((row, index) => [...row, ...row.map((_, at) => (at === index ? 1 : 0))]);
  for (let at = 0; at < size; at++) {
    let pivot = at;
    for (let row = at + 1; row < size; row++) {
      if (Math.abs(rows[row]?.[at] as number) > Math.abs(rows[pivot]?.[at] as number)) pivot = row;
    }
    const chosen = rows[pivot] as number[];
    rows[pivot] = rows[at] as number[];
    const divisor = chosen[at] as number;
    const scaled = chosen.map((value) => value / divisor);
    rows[at] = scaled;
    for (let row = 0; row < size; row++) {
      const factor = rows[row]?.[at] as number;
      if (row === at || factor === 0) continue;
      rows[row] = (rows[row] as number[]).map((value, index) => value - factor * (scaled[index] as number));
    }
  }
  return rows.map((row) => row.slice(size));
}

function short(value: number): number {
  return Number(value.toPrecision(6));
}
