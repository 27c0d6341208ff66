import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { text as readText } from "node:stream/consumers";
import { type GameDay, ModelError, readGameDay } from "@weft/simulator";
import { parse, YAMLParseError } from "yaml";
import { CliError, describeError } from "../cli-error.ts";

export interface GameDayFile {
  readonly gameDay: GameDay;
  /** The file of its architecture; undefined when the game day names none. */
  readonly model: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads a game day of YAML or JSON, `-` from standard input; `over` replaces fields of it. Throws CliError. */
export async function readGameDayFile(file: string, over: Fields): Promise<GameDayFile> {
  const name = file === "-" ? "standard input" : file;
  const data = parseYaml(await contentOf(file, name), name);
  const fields = typeof data === "object" && data !== null && !Array.isArray(data) ? { ...data, ...over } : data;
  const isArchitecture = typeof data === "object" && data !== null && ("components" in data || "services" in data);
  if (isArchitecture && !("faults" in data)) {
    throw new CliError(`${name} is an architecture and no game day`, {
      next: "add a fault, such as --fault crash --on component:<id>, or give a game day before it",
    });
  }
  const gameDay = gameDayFrom(fields, `${name} is no game day that can be run`);
  const model = gameDay.model === undefined ? undefined : resolve(file === "-" ? "." : dirname(file), gameDay.model);
  return { gameDay, model };
}

/** A game day from its fields. Throws CliError that lists everything that is wrong. */
export function gameDayFrom(fields: unknown, heading: string): GameDay {
  try {
    return readGameDay(fields);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new CliError(`${heading}:${error.issues.map(({ message }) => `\n  - ${message}`).join("")}`, {
      cause: error,
    });
  }
}

/** What a file or an option has in YAML, of which JSON is a part. */
export function parseYaml(content: string, name: string): unknown {
  try {
    return parse(content);
  } catch (error) {
    if (!(error instanceof YAMLParseError) && !(error instanceof ReferenceError)) throw error;
    throw new CliError(`${name} cannot be read as YAML: ${error.message}`, { cause: error });
  }
}

async function contentOf(file: string, name: string): Promise<string> {
  try {
    return file === "-" ? await readText(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`${name} cannot be read: ${describeError(error)}`, { cause: error });
  }
}
