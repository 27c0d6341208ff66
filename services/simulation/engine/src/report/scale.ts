/**
 * From values to places in a picture, with ticks at round numbers: steps of 1, 2 or 5 times a power of ten (Heckbert,
 * "Nice numbers for graph labels", Graphics Gems, 1990). A domain without extent is widened, so that every value has a
 * place; what is not a number has to be left out before.
 */
export interface Scale {
  readonly ticks: readonly number[];
  /** The place of a value; outside the domain it is held at the nearer end. */
  at(value: number): number;
}

type Range = readonly [number, number];

const smallest = 1e-300;
const largest = 1e300;

/** From 0 to the first round number at or above `high`. */
export function scaleFromZero(high: number, range: Range, tickCount: number): Scale {
  const top = high > smallest ? Math.min(high, largest) : 1;
  const step = niceStep(top / tickCount);
  const count = Math.ceil(top / step - 1e-9);
  return linear(0, count * step, range, multiples(step, count));
}

/** From 0 to exactly `high`, with the round numbers in between. */
export function scaleToEnd(high: number, range: Range, tickCount: number): Scale {
  const top = high > smallest ? Math.min(high, largest) : 1;
  const step = niceStep(top / tickCount);
  return linear(0, top, range, multiples(step, Math.floor(top / step + 1e-9)));
}

/** Logarithmic between two positive numbers; ticks at 1, 2 and 5 in each decade, fewer when there are more decades. */
export function logScale(low: number, high: number, range: Range): Scale {
  const first = Math.min(Math.max(low, smallest), largest);
  const last = Math.min(Math.max(high, first), largest);
  const isWide = last > first * 1.05;
  const [from, to] = isWide ? [first, last] : [first / 2, last * 2];
  const fromLog = Math.log10(from);
  const toLog = Math.log10(to);
  return {
    ticks: logTicks(from, to),
    at: (value) => place((Math.log10(Math.max(value, from)) - fromLog) / (toLog - fromLog), range),
  };
}

function linear(from: number, to: number, range: Range, ticks: readonly number[]): Scale {
  return { ticks, at: (value) => place((value - from) / (to - from), range) };
}

function place(share: number, [start, end]: Range): number {
  return start + Math.min(1, Math.max(0, share)) * (end - start);
}

function multiples(step: number, count: number): number[] {
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const share = atLeast / power;
  const factor = share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10;
  return factor * power;
}

function logTicks(from: number, to: number): number[] {
  const decades = Math.log10(to / from);
  const factors = decades < 1.6 ? [1, 2, 5] : decades < 3 ? [1, 3] : [1];
  const everyDecade = Math.max(1, Math.ceil(decades / 7));
  const ticks: number[] = [];
  const lastPower = Math.ceil(Math.log10(to));
  for (let power = Math.floor(Math.log10(from)); power <= lastPower; power += everyDecade) {
    for (const factor of factors) {
      const tick = Number(`${factor}e${power}`);
      if (tick >= from && tick <= to) ticks.push(tick);
    }
  }
  return ticks.length < 2 ? [from, to] : ticks;
}
