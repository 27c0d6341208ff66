import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { CliError } from "../cli-error.ts";

/** Reads a JSON file of ours; undefined when there is none. Throws CliError when it cannot be read. */
export async function readJsonFile<T>(path: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw new CliError(`${path} could not be read`, { cause: error });
  }
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new CliError(`${path} is not valid JSON`, { cause: error, next: "repair or delete the file" });
  }
}

/** Writes a JSON file that only its owner may read. A reader sees the old or the new content, never half of one. */
export async function writePrivateJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.${randomBytes(3).toString("hex")}`;
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

/** A password nobody has to type: 192 random bits, safe in a URL and in SQL. */
export function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}
