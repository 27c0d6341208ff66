import { readFile } from "node:fs/promises";
import { type Architecture, type Prices, readPrices } from "@weft/simulator";
import { CliError, describeError } from "../cli-error.ts";
import { orCliError } from "./study-options.ts";

export const priceArgs = {
  price: {
    type: "string",
    description: "Price of one instance for an hour, may be repeated",
    valueHint: "checkout=0.12",
  },
  prices: {
    type: "string",
    description: "JSON file of prices by component id; --price goes before it",
    valueHint: "file",
  },
} as const;

/** Undefined when none are given. Throws CliError that names what is wrong. */
export async function pricesFrom(
  file: string | undefined,
  entries: readonly string[],
  architectures: readonly Architecture[],
): Promise<Prices | undefined> {
  if (file === undefined && entries.length === 0) return undefined;
  const listed = file === undefined ? {} : await readPriceFile(file, architectures);
  return orCliError(() => readPrices({ ...listed, ...Object.fromEntries(entries.map(entryFrom)) }, architectures));
}

async function readPriceFile(file: string, architectures: readonly Architecture[]): Promise<Prices> {
  try {
    return readPrices(JSON.parse(await readFile(file, "utf8")), architectures);
  } catch (error) {
    throw new CliError(`--prices ${file} cannot be used: ${describeError(error)}`, { cause: error });
  }
}

function entryFrom(text: string): [string, number] {
  const equals = text.lastIndexOf("=");
  const price = Number(text.slice(equals + 1));
  if (equals <= 0 || text.slice(equals + 1).trim() === "" || !Number.isFinite(price)) {
    throw new CliError(`--price "${text}" is no price; write component=amount per instance and hour`, {
      next: "example: --price checkout=0.12",
    });
  }
  return [text.slice(0, equals), price];
}
