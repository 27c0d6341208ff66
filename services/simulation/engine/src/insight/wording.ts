/** How numbers stand in sentences: three significant digits, never an exponent. */
import type { Interval } from "../statistics/interval.ts";

export function number(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** With its sign, also when it is a gain. */
export function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${number(value)}`;
}

export function range({ low, high }: Pick<Interval, "low" | "high">, say = number): string {
  return `${say(low)} to ${say(high)}`;
}

/** "its 2 cores". */
export function coresOf({ instances, cpus }: { readonly instances: number; readonly cpus: number }): string {
  const count = instances * cpus;
  return count === 1 ? "its core" : `its ${number(count)} cores`;
}

export function slotsOf({
  instances,
  concurrency,
}: {
  readonly instances: number;
  readonly concurrency: number;
}): string {
  const count = instances * concurrency;
  return count === 1 ? "its slot" : `its ${count} slots`;
}
