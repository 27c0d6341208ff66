/** The mean and the spread of values; every statistic here starts from them, and refuses what has neither. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** With divisor count - 1; 0 for a single value. */
  readonly variance: number;
}

/** By Welford's updates (1962), which lose no digits when the spread is small beside the mean. Throws a RangeError without values, or for one that is not finite. */
export function momentsOf(values: readonly number[]): Moments {
  assertSamples("values", values);
  let mean = 0;
  let squares = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    const distance = value - mean;
    mean += distance / (index + 1);
    squares += distance * (value - mean);
  }
  return { count: values.length, mean, variance: values.length > 1 ? squares / (values.length - 1) : 0 };
}

/** Means of `count` runs of `size` values, one after the other, the first run beginning at `start`. */
export function batchMeans(values: readonly number[], { start, size, count }: BatchLayout): Float64Array {
  const means = new Float64Array(count);
  for (let batch = 0; batch < count; batch++) {
    let sum = 0;
    for (let offset = 0; offset < size; offset++) sum += values[start + batch * size + offset] as number;
    means[batch] = sum / size;
  }
  return means;
}

interface BatchLayout {
  readonly start: number;
  readonly size: number;
  readonly count: number;
}

/** Throws a RangeError when there are none, or one is not finite. */
export function assertSamples(name: string, values: readonly number[]): void {
  if (values.length === 0) throw new RangeError(`${name}: none given; at least one is needed`);
  for (let index = 0; index < values.length; index++) {
    if (!Number.isFinite(values[index]))
      throw new RangeError(`${name}[${index}]: ${values[index]} given; must be finite`);
  }
}

/** Throws a RangeError unless the number lies between 0 and 1, both excluded. */
export function assertInnerShare(name: string, share: number): void {
  if (!(share > 0 && share < 1)) throw new RangeError(`${name}: ${share} given; must be above 0 and below 1`);
}
