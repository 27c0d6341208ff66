import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a directory and those above it that are missing; one that is there is left as it is.
 *
 * Not mkdir's own `recursive`: where the system says ENOENT although the parent is there, as Linux does below /proc, Node
 * 22 goes back and forth between parent and child for ever, in a thread that cannot be stopped.
 */
export async function makeDirectories(directory: string, mode = 0o777): Promise<void> {
  try {
    await makeOne(directory, mode);
  } catch (error) {
    const parent = dirname(directory);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === directory) {
      throw error;
    }
    await makeDirectories(parent, mode);
    await makeOne(directory, mode);
  }
}

async function makeOne(directory: string, mode: number): Promise<void> {
  try {
    await mkdir(directory, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A read-only file system may say so before it says that the directory is there.
    const isThere = code !== "ENOENT" && (await stat(directory).catch(() => undefined))?.isDirectory() === true;
    if (!isThere) {
      throw error;
    }
  }
}
