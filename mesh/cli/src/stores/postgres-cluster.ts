import { execFile } from "node:child_process";
import { chown, mkdir, readFile, readlink, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CliError } from "../cli-error.ts";
import { identifyProcess, isRunning } from "../process/process-identity.ts";
import { lastLines } from "./log-tail.ts";
import type { PostgresAccount } from "./postgres-account.ts";
import { endProcess } from "./store-process.ts";

/*
 * The directory PostgreSQL keeps its data in ("cluster"): made once, checked at each start. It is made under another
 * name and then renamed, so that an interrupted first start leaves no half-made cluster.
 */

/** The administrator of the embedded server. */
export const postgresAdmin = "postgres";

/** Makes the cluster when there is none. Throws CliError when an existing one belongs to another major version. */
export async function ensureCluster(
  cluster: string,
  account: PostgresAccount,
  initdb: string,
  password: string,
): Promise<{ created: boolean }> {
  const version = await readFile(join(cluster, "PG_VERSION"), "utf8").catch(() => undefined);
  if (version !== undefined) {
    await checkVersion(cluster, account, initdb, version.trim());
    return { created: false };
  }
  const unfinished = `${cluster}.new`;
  const passwordFile = `${cluster}.password`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.owner !== undefined) {
    await chown(unfinished, account.owner.uid, account.owner.gid);
    await chown(passwordFile, account.owner.uid, account.owner.gid);
  }
  const locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  const access = [`--username=${postgresAdmin}`, "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
  try {
    await runProgram(account, initdb, [`--pgdata=${unfinished}`, ...access, ...locale]);
    await rename(unfinished, cluster);
  } finally {
    await rm(passwordFile, { force: true });
  }
  return { created: true };
}

/**
 * Removes a `postmaster.pid` that a crash left behind; PostgreSQL itself would believe it when its process id has gone
 * to somebody else. A server that still runs on the cluster although nobody owns it any more is stopped.
 */
export async function clearPostmasterFile(cluster: string): Promise<void> {
  const file = join(cluster, "postmaster.pid");
  const text = await readFile(file, "utf8").catch(() => undefined);
  const pid = Number(text?.split("\n")[0]);
  if (text === undefined) {
    return;
  }
  if (Number.isInteger(pid) && pid > 0 && isRunning({ pid, startTicks: null })) {
    if (process.platform !== "linux") {
      return;
    }
    // A postmaster's working directory is its cluster; anything else got the number by chance.
    if ((await readlink(`/proc/${pid}/cwd`).catch(() => "")) === cluster) {
      await endProcess(identifyProcess(pid), "SIGINT");
    }
  }
  await rm(file, { force: true });
}

/** Whether the postmaster with this pid accepts connections, as it notes in its pid file. */
export async function isPostmasterReady(cluster: string, pid: number): Promise<boolean> {
  const lines = (await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
  return Number(lines[0]) === pid && (lines[7] ?? "").trim() === "ready";
}

async function checkVersion(cluster: string, account: PostgresAccount, initdb: string, found: string): Promise<void> {
  const output = await runProgram(account, initdb, ["--version"]);
  const ours = /(\d+)\./.exec(output)?.[1];
  if (ours !== found) {
    throw new CliError(
      `the data in ${cluster} was written by PostgreSQL ${found}; this one is ${ours ?? output.trim()}`,
      {
        next: "move the directory away to start empty, or serve it with the old version and copy the data with pg_dump",
      },
    );
  }
  const { uid } = await stat(cluster);
  const expected = account.owner?.uid ?? process.getuid?.();
  if (expected !== undefined && uid !== expected) {
    throw new CliError(`${cluster} belongs to user ${uid}, but PostgreSQL would run as user ${expected}`, {
      next: `start as the user who made it, or give it away: chown -R ${expected} ${cluster}`,
    });
  }
}

async function runProgram(account: PostgresAccount, program: string, args: readonly string[]): Promise<string> {
  const { command, args: fullArgs, ...identity } = account.launch(program, args);
  const env = { ...process.env, LC_ALL: "C" };
  try {
    const { stdout } = await promisify(execFile)(command, [...fullArgs], { ...identity, env, cwd: "/" });
    return stdout;
  } catch (cause) {
    const output = lastLines((cause as { stderr?: string }).stderr ?? "", 8);
    throw new CliError(`${program} failed${output === "" ? "" : `:\n${output}`}`, {
      cause,
      next: "check that the disk has room and the directory is writable, or set DATABASE_URL to a PostgreSQL server",
    });
  }
}
