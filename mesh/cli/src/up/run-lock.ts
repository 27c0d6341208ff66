import { link, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { CliError, describeError } from "../cli-error.ts";
import { identifyProcess, isRunning, type ProcessIdentity } from "../process/process-identity.ts";
import { readJsonFile } from "../stores/private-file.ts";

/*
 * One `weft up` per state directory. The lock file holds the identity of its holder (pid and start time), so that the
 * lock of a run that was killed counts for nothing, even when its pid has gone to another process. Taking it is one
 * `link`, which the file system grants to one only.
 */

/** Takes the lock. Returns the function that gives it back, or the living process that holds it. */
export async function takeLock(path: string): Promise<{ release: () => Promise<void> } | { heldBy: ProcessIdentity }> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}`;
  await writeFile(own, JSON.stringify(identifyProcess()));
  try {
    for (;;) {
      try {
        await link(own, path);
        return { release: () => rm(path, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
          throw error;
        }
      }
      const holder = await readJsonFile<ProcessIdentity>(path);
      if (holder !== undefined && isRunning(holder)) {
        return { heldBy: holder };
      }
      await removeStale(path, holder);
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** Two starters may find the same stale lock; the one that moved a fresh lock aside puts it back. */
async function removeStale(path: string, expected: ProcessIdentity | undefined): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return;
    }
    // It will not go away by being tried again, as in a folder where only its owner may remove it.
    throw new CliError(`the stale lock ${path} cannot be removed: ${describeError(error)}`, {
      cause: error,
      next: "remove it by hand",
    });
  }
  const moved = await readJsonFile<ProcessIdentity>(aside);
  if (moved !== undefined && moved.pid !== expected?.pid && isRunning(moved)) {
    await link(aside, path).catch(() => undefined);
  }
  await rm(aside, { force: true });
}
