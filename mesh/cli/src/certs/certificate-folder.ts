import { randomBytes } from "node:crypto";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError, describeError } from "../cli-error.ts";
import { takeLock } from "../up/run-lock.ts";
import { makeDirectories } from "../workspace/make-directories.ts";

/**
 * The folder that certificates are kept in: 0700 when it is made here, its files 0600. A file appears whole or not at all,
 * since services watch it while they run; one process works in it at a time.
 */
export class CertificateFolder {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Runs `work` on the folder, which is made when it is missing. Throws CliError when it cannot be used. */
  static async use<T>(directory: string, work: (folder: CertificateFolder) => Promise<T>): Promise<T> {
    const lock = await openFolder(directory);
    if ("heldBy" in lock) {
      throw new CliError(`process ${lock.heldBy.pid} is making certificates in ${directory}`, {
        next: "wait until it has ended",
      });
    }
    try {
      return await work(new CertificateFolder(directory));
    } finally {
      await lock.release();
    }
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** What a file holds; undefined when there is none. */
  async read(name: string): Promise<string | undefined> {
    try {
      return await readFile(this.path(name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        return undefined;
      }
      throw new CliError(`${this.path(name)} cannot be read`, { cause: error });
    }
  }

  async write(name: string, text: string): Promise<void> {
    const draft = this.path(`.${name}.${process.pid}.${randomBytes(3).toString("hex")}`);
    try {
      await writeFile(draft, text, { mode: 0o600, flag: "wx" });
      await rename(draft, this.path(name));
    } catch (error) {
      await rm(draft, { force: true });
      throw new CliError(`${this.path(name)} cannot be written: ${describeError(error)}`, { cause: error });
    }
  }
}

async function openFolder(directory: string): ReturnType<typeof takeLock> {
  let mode: number;
  try {
    await makeDirectories(directory, 0o700);
    ({ mode } = await stat(directory));
  } catch (error) {
    throw new CliError(`${directory} cannot be made: ${describeError(error)}`, {
      cause: error,
      next: "name a folder that can be written with --dir",
    });
  }
  if ((mode & 0o022) !== 0) {
    throw new CliError(`others may write to ${directory}, and so could put their own certificates there`, {
      next: "name a folder of your own with --dir",
    });
  }
  try {
    return await takeLock(join(directory, ".lock"));
  } catch (error) {
    throw new CliError(`${directory} cannot be written: ${describeError(error)}`, {
      cause: error,
      next: "name a folder that can be written with --dir",
    });
  }
}
