/**
 * Points that fill the unit cube evenly, so that a few hundred designed runs leave no corner of the settings empty:
 * Sobol's sequence (1967) with the direction numbers of Joe and Kuo (2008) for its first ten dimensions.
 *
 * The seed chooses a digital shift (each coordinate xor a random word), which keeps the evenness: another seed is another
 * design of the same quality.
 */
import { RandomStream } from "../random.ts";

const bits = 32;
/** Per dimension after the first: coefficients of its primitive polynomial, as Joe and Kuo write them, and first numbers. */
const polynomials: readonly { readonly inner: number; readonly first: readonly number[] }[] = [
  { inner: 0, first: [1] },
  { inner: 1, first: [1, 3] },
  { inner: 1, first: [1, 3, 1] },
  { inner: 2, first: [1, 1, 1] },
  { inner: 1, first: [1, 1, 3, 3] },
  { inner: 4, first: [1, 3, 5, 13] },
  { inner: 2, first: [1, 1, 5, 5, 17] },
  { inner: 4, first: [1, 1, 5, 5, 5] },
  { inner: 7, first: [1, 1, 7, 11, 19] },
];

/** The most dimensions there are. */
export const mostDimensions = polynomials.length + 1;

/** The first `count` points, all coordinates in [0, 1). Throws RangeError beyond 10 dimensions. */
export function lowDiscrepancyPoints(seed: number, count: number, dimensions: number): Float64Array[] {
  if (dimensions > mostDimensions)
    throw new RangeError(`dimensions is ${dimensions}; allowed is up to ${mostDimensions}`);
  const random = new RandomStream(seed, "design/shift");
  const state = Uint32Array.from({ length: dimensions }, () => random.nextUint32());
  const directions = Array.from({ length: dimensions }, (_, dimension) => directionsOf(dimension));
  return Array.from({ length: count }, (_, index) => {
    const point = Float64Array.from(state, (word) => word / 2 ** bits);
    // Gray code: one direction per step, that of the lowest zero bit.
    const bit = 31 - Math.clz32(~index & -~index);
    for (let dimension = 0; dimension < dimensions; dimension++) {
      state[dimension] = (state[dimension] as number) ^ (directions[dimension]?.[bit] as number);
    }
    return point;
  });
}

function directionsOf(dimension: number): Uint32Array {
  const numbers = new Uint32Array(bits);
  const polynomial = polynomials[dimension - 1];
  if (polynomial === undefined) return numbers.map((_, bit) => 2 ** (bits - 1 - bit));
  const { inner, first } = polynomial;
  const degree = first.length;
  for (let bit = 0; bit < bits; bit++) {
    if (bit < degree) {
      numbers[bit] = (first[bit] as number) * 2 ** (bits - 1 - bit);
      continue;
    }
    const before = numbers[bit - degree] as number;
    let number = before ^ (before >>> degree);
    for (let term = 1; term < degree; term++) {
      if ((inner >> (degree - 1 - term)) & 1) number ^= numbers[bit - term] as number;
    }
    numbers[bit] = number;
  }
  return numbers;
}
