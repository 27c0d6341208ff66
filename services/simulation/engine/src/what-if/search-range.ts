/** What searches over the load have in common: where they may look, in which steps, and with how many replications they begin. */

/** Fewer say too little about a spread to decide anything by. */
export const firstReplications = 10;
/** Five digits are finer than any precision that can be reached, and can be typed again. */
const loadDigits = 5;

export interface SearchRange {
  readonly startLoad: number;
  readonly lowestLoad: number;
  readonly highestLoad: number;
  readonly maximumReplications: number;
}

/** Throws RangeError that names the option when one makes no sense. */
export function assertSearchRange({ startLoad, lowestLoad, highestLoad, maximumReplications }: SearchRange): void {
  if (!(lowestLoad > 0 && lowestLoad <= startLoad && startLoad <= highestLoad && highestLoad < Infinity)) {
    throw new RangeError(
      `startLoad: ${startLoad} given; must be from lowestLoad (${lowestLoad}), above 0, to highestLoad (${highestLoad})`,
    );
  }
  if (!(Number.isInteger(maximumReplications) && maximumReplications >= firstReplications)) {
    throw new RangeError(
      `maximumReplications: ${maximumReplications} given; must be a whole number from ${firstReplications}`,
    );
  }
}

/** A load as it is tried and told. */
export function roundedLoad(load: number): number {
  return Number(load.toPrecision(loadDigits));
}

/** The load halfway between two in proportion; undefined when the digits of a load have no room for one. */
export function loadBetween(low: number, high: number): number | undefined {
  const middle = roundedLoad(Math.sqrt(low * high));
  return middle > low && middle < high ? middle : undefined;
}
