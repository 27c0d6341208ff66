import { readFile } from "node:fs/promises";
import { type Architecture, type ElasticityPrices, elasticityChanges } from "@weft/simulator";
import { CliError, describeError } from "../cli-error.ts";
import { pricesFrom } from "./read-prices.ts";

/*
 * What a step of each change costs. A number is the price of an instance, as in the files that `weft sim compare` reads; an
 * object prices several changes of a component. What is free is left without a price, because nothing can be divided by it.
 */
export async function elasticityPricesFrom(
  file: string | undefined,
  entries: readonly string[],
  architecture: Architecture,
): Promise<Readonly<Record<string, ElasticityPrices>> | undefined> {
  if (file === undefined && entries.length === 0) return undefined;
  const listed = file === undefined ? [] : await readPriceFile(file);
  const ofInstances = Object.fromEntries(listed.filter(([, price]) => !isObject(price)));
  const ofSteps = listed.filter((entry): entry is [string, object] => isObject(entry[1]));
  const instances = (await pricesFrom(undefined, [...entriesOf(ofInstances, file), ...entries], [architecture])) ?? {};
  const ids = new Set(architecture.components.map(({ id }) => id));
  const prices: Record<string, ElasticityPrices> = {};
  for (const [id, steps] of ofSteps) {
    if (!ids.has(id)) throw new CliError(`--prices ${file}: there is no component "${id}"`);
    prices[id] = stepsFrom(steps, `--prices ${file}: "${id}"`);
  }
  for (const [id, price] of Object.entries(instances)) {
    if (price > 0) prices[id] = { ...prices[id], instance: price };
  }
  return prices;
}

async function readPriceFile(file: string): Promise<[string, unknown][]> {
  let read: unknown;
  try {
    read = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new CliError(`--prices ${file} cannot be used: ${describeError(error)}`, { cause: error });
  }
  if (!isObject(read)) throw new CliError(`--prices ${file}: must be an object of component ids with a price each`);
  return Object.entries(read);
}

/** As --price takes them, which is checked there. */
function entriesOf(prices: Record<string, unknown>, file: string | undefined): string[] {
  return Object.entries(prices).map(([id, price]) => {
    if (typeof price === "number") return `${id}=${price}`;
    throw new CliError(
      `--prices ${file}: "${id}" is ${JSON.stringify(price)}; must be a number, or an object of changes`,
    );
  });
}

function stepsFrom(steps: object, where: string): ElasticityPrices {
  for (const [change, price] of Object.entries(steps)) {
    if (!elasticityChanges.some((name) => name === change)) {
      throw new CliError(`${where}: there is no change "${change}"; changes: ${elasticityChanges.join(", ")}`);
    }
    if (!(typeof price === "number" && price > 0 && price < Number.POSITIVE_INFINITY)) {
      throw new CliError(`${where}: ${change} is ${JSON.stringify(price)}; must be a number above 0`);
    }
  }
  return steps;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
