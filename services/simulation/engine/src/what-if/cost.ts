/**
 * What a system costs: its instances by the hour, where they are scaled the mean number that there were, and by what they
 * answer. Prices are per instance and hour, in whatever
 * currency the caller has; a component without a price is left out of the sums and named.
 */
import type { Architecture } from "../architecture.ts";
import type { Estimate, Study } from "../replications/study.ts";

/** Price of one instance for an hour, by component id. */
export type Prices = Readonly<Record<string, number>>;

export interface ComponentCost {
  readonly id: string;
  /** A mean where an autoscaler changes it. */
  readonly instances: number;
  readonly pricePerHour: number;
  readonly costPerHour: number;
}

export interface Cost {
  readonly components: readonly ComponentCost[];
  readonly perHour: number;
  /** Of requests answered well; absent when there may have been none. */
  readonly perMillionRequests?: Estimate;
  /** Ids without a price, clients left out. */
  readonly unpriced: readonly string[];
}

const secondsPerHour = 3600;
const million = 1e6;

export function costOf({ components }: Architecture, prices: Prices, study: Study): Cost {
  const priced = components
    .filter(({ id }) => Object.hasOwn(prices, id))
    .map(({ id, instances: given, autoscaler }) => {
      const scaled = study.components.find((one) => one.id === id)?.instancesMean.value;
      const instances = autoscaler === undefined ? given : (scaled ?? given);
      const pricePerHour = prices[id] as number;
      return { id, instances, pricePerHour, costPerHour: instances * pricePerHour };
    });
  const perHour = priced.reduce((sum, { costPerHour }) => sum + costPerHour, 0);
  const perMillion = (rate: number) => (perHour / (rate * secondsPerHour)) * million;
  const { value, low, high } = study.throughputPerSecond;
  return {
    components: priced,
    perHour,
    ...(low > 0
      ? { perMillionRequests: { value: perMillion(value), low: perMillion(high), high: perMillion(low) } }
      : {}),
    unpriced: components.filter(({ id, kind }) => kind !== "client" && !Object.hasOwn(prices, id)).map(({ id }) => id),
  };
}

/** The given plain data as prices of these components; throws RangeError that names the entry and what is allowed. */
export function readPrices(given: unknown, architectures: readonly Architecture[]): Prices {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new RangeError("prices: must be an object of component ids with a price each per instance and hour");
  }
  const ids = new Set(architectures.flatMap(({ components }) => components.map(({ id }) => id)));
  for (const [id, price] of Object.entries(given)) {
    if (!ids.has(id)) {
      throw new RangeError(`price of "${id}": there is no such component; components: ${[...ids].join(", ")}`);
    }
    if (!(typeof price === "number" && price >= 0 && price < Number.POSITIVE_INFINITY)) {
      throw new RangeError(
        `price of "${id}": ${JSON.stringify(price)} given; must be a number from 0, per instance and hour`,
      );
    }
  }
  return given as Prices;
}
