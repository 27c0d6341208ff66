import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";
import { CliError } from "../cli-error.ts";

/**
 * Which account PostgreSQL runs under. It refuses to run as root, so a root starter (a container, a CI machine) runs it
 * as the system's `postgres` account, which is created when there is none.
 *
 * That account may be unable to enter the directories above the data, such as /root or a `mktemp -d`, which only root
 * may. Then PostgreSQL is started through setpriv with the one capability to pass and read directories, rather than
 * opening somebody's directories to everybody.
 */
export interface PostgresAccount {
  /** Owner of the data directory; undefined when it is the user who runs us. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** How to start a program under the account. */
  launch(
    program: string,
    args: readonly string[],
  ): {
    command: string;
    args: readonly string[];
    uid?: number;
    gid?: number;
  };
}

const run = promisify(execFile);

/** Finds the account for programs and data at the given paths. */
export async function resolvePostgresAccount(paths: readonly string[]): Promise<PostgresAccount> {
  if (process.getuid?.() !== 0) {
    return { owner: undefined, launch: (program, args) => ({ command: program, args }) };
  }
  const owner = (await lookUpAccount()) ?? (await createAccount());
  if (await canReachAll(paths, owner)) {
    return { owner, launch: (program, args) => ({ command: program, args, ...owner }) };
  }
  const capability = await reachingCapability();
  const setpriv = await run("setpriv", ["--version"]).catch(() => undefined);
  if (capability === undefined || setpriv === undefined) {
    throw new CliError(
      `PostgreSQL refuses to run as root, and the account "postgres" may not enter ${paths.map((path) => dirname(path)).join(" or ")}`,
      { next: "run as an ordinary user, move the checkout to a directory that others may enter, or set DATABASE_URL" },
    );
  }
  const identity = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--clear-groups"];
  const rights = [`--inh-caps=+${capability}`, `--ambient-caps=+${capability}`];
  return {
    owner,
    launch: (program, args) => ({ command: "setpriv", args: [...identity, ...rights, program, ...args] }),
  };
}

async function lookUpAccount(): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", "postgres"]), run("id", ["-g", "postgres"])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

async function createAccount(): Promise<{ uid: number; gid: number }> {
  const failure = await run("useradd", ["--system", "--user-group", "--no-create-home", "postgres"]).catch(
    (error: unknown) => error,
  );
  // Looked up even after a failure: another start may have created it at the same time.
  const account = await lookUpAccount();
  if (account === undefined) {
    throw new CliError('PostgreSQL refuses to run as root, and the system account "postgres" could not be created', {
      cause: failure,
      next: "create it (useradd --system postgres), run as an ordinary user, or set DATABASE_URL",
    });
  }
  return account;
}

async function canReachAll(paths: readonly string[], { uid, gid }: { uid: number; gid: number }): Promise<boolean> {
  for (const path of paths) {
    for (let directory = dirname(resolve(path)); ; directory = dirname(directory)) {
      const entry = await stat(directory);
      const needed = entry.uid === uid ? 0o100 : entry.gid === gid ? 0o010 : 0o001;
      if ((entry.mode & needed) === 0) {
        return false;
      }
      if (directory === dirname(directory)) {
        break;
      }
    }
  }
  return true;
}

/** The least capability that lets a process pass directories, of those that this one may hand on. */
async function reachingCapability(): Promise<"dac_read_search" | "dac_override" | undefined> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const has = (bit: bigint) => (bounding & (1n << bit)) !== 0n;
  return has(2n) ? "dac_read_search" : has(1n) ? "dac_override" : undefined;
}
