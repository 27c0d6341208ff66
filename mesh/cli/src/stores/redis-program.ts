import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CliError } from "../cli-error.ts";

/** A program that speaks Redis, and how to start it. */
export interface RedisProgram {
  readonly real: boolean;
  readonly description: string;
  readonly command: string;
  args(port: number, dataDir: string): string[];
}

const jsRedisPath = fileURLToPath(new URL("./js-redis-main.ts", import.meta.url));

/**
 * Picks the program: "real" is a `redis-server` or `valkey-server` on PATH, "js" the one in JavaScript from npm; without
 * a wish the real one if there is one. Throws CliError when "real" is asked for and there is none.
 */
export async function findRedisProgram(wish?: "real" | "js"): Promise<RedisProgram> {
  const real = wish === "js" ? undefined : await findRealRedis();
  if (real === undefined && wish === "real") {
    throw new CliError("there is no redis-server or valkey-server on PATH", {
      next: "install one (apt-get install redis-server, brew install redis), or set REDIS_URL",
    });
  }
  return real ?? jsRedis;
}

/** Whether a real Redis or Valkey is on PATH; contract tests run on both kinds when it is. */
export async function hasRealRedis(): Promise<boolean> {
  return (await findRealRedis()) !== undefined;
}

const jsRedis: RedisProgram = {
  real: false,
  description: "js-redis-server (for development)",
  command: process.execPath,
  args: (port, dataDir) => [
    ...["--disable-warning=ExperimentalWarning", jsRedisPath],
    ...[String(port), join(dataDir, "dump.jsonl")],
  ],
};

async function findRealRedis(): Promise<RedisProgram | undefined> {
  const directories = (process.env.PATH ?? "").split(delimiter).filter((directory) => directory !== "");
  for (const name of ["redis-server", "valkey-server"]) {
    for (const directory of directories) {
      const path = join(directory, name);
      if (await isExecutable(path)) {
        const version = await promisify(execFile)(path, ["--version"]).catch(() => undefined);
        if (version !== undefined) {
          return realRedis(name, path, /v=([\d.]+)/.exec(version.stdout)?.[1] ?? "");
        }
      }
    }
  }
  return undefined;
}

function realRedis(name: string, path: string, version: string): RedisProgram {
  return {
    real: true,
    description: `${name} ${version} (${path})`,
    command: path,
    // Each write goes to the append-only file, flushed once a second; RDB snapshots would only repeat it.
    args: (port, dataDir) => [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", dataDir, "--daemonize", "no"],
      ...["--appendonly", "yes", "--save", "", "--logfile", ""],
    ],
  };
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
