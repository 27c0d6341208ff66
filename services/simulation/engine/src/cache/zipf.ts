/**
 * Which key a request asks for: key k of n with a probability proportional to 1 / (k + 1)^skew, so key 0 is the most
 * asked for; a skew of 0 makes all equal.
 *
 * Rejection-inversion (Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
 * distributions", 1996): inverts the integral of x^-skew, which has a closed form, rounds to the nearest rank, and rejects
 * the little that the integral has too much. It needs no table, so ten million keys cost as much as ten, and nearly every
 * draw is accepted at once. Both formulas are written with expm1 and log1p, which makes them exact at and near skew 1.
 */
import type { RandomStream } from "../random.ts";

export class ZipfKeys {
  readonly #keys: number;
  readonly #skew: number;
  readonly #stream: RandomStream;
  /** Ends of the range that is inverted: the whole of rank 1 counts as 1, its value. */
  readonly #from: number;
  readonly #to: number;
  /** A rank that lies at most this far above the inverted point is accepted without a further look. */
  readonly #accepted: number;

  constructor(keys: number, skew: number, stream: RandomStream) {
    this.#keys = keys;
    this.#skew = skew;
    this.#stream = stream;
    this.#from = integral(1.5, skew) - 1;
    this.#to = integral(keys + 0.5, skew);
    this.#accepted = 2 - inverse(integral(2.5, skew) - 2 ** -skew, skew);
  }

  /** From 0 to the number of keys - 1. */
  next(): number {
    for (;;) {
      const area = this.#to + this.#stream.uniform() * (this.#from - this.#to);
      const point = inverse(area, this.#skew);
      const rank = Math.min(this.#keys, Math.max(1, Math.round(point)));
      if (rank - point <= this.#accepted || area >= integral(rank + 0.5, this.#skew) - rank ** -this.#skew) {
        return rank - 1;
      }
    }
  }
}

/** Roughly the share of all requests that ask for one of the `top` most wanted of `keys` keys. */
export function shareOfTop(top: number, keys: number, skew: number): number {
  if (top >= keys) return 1;
  const mass = (ranks: number) => 1 + integral(ranks + 0.5, skew) - integral(1.5, skew);
  return mass(top) / mass(keys);
}

/** The integral of x^-skew from 1 to `end`: (end^(1-skew) - 1) / (1 - skew), and ln(end) at skew 1. */
function integral(end: number, skew: number): number {
  const log = Math.log(end);
  const exponent = (1 - skew) * log;
  return exponent === 0 ? log : (Math.expm1(exponent) / exponent) * log;
}

/** The end at which `integral` has this value. */
function inverse(area: number, skew: number): number {
  const scaled = area * (1 - skew);
  return Math.exp(scaled === 0 ? area : (Math.log1p(scaled) / scaled) * area);
}
