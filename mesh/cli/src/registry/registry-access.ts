import type { ArgsDef } from "citty";
import { Redis } from "ioredis";
import { CliError, describeError } from "../cli-error.ts";
import { hideSecrets } from "../stores/provision.ts";
import { type RunRecord, readRunRecord } from "../up/run-file.ts";
import { portOffsetFrom, statePaths } from "../workspace/state-directory.ts";
import { findWorkspaceRoot } from "../workspace/workspace.ts";

/** The option of every command that needs the registry. */
export const redisArgs = {
  redis: {
    type: "string",
    description: "Redis that holds the registry (default: REDIS_URL, else the one `weft up` runs)",
    valueHint: "redis://host:6379",
  },
} as const satisfies ArgsDef;

/** The run of `weft up` in this checkout, if there is a checkout and a run. */
export async function findRun(): Promise<RunRecord | undefined> {
  let root: string;
  try {
    root = findWorkspaceRoot(process.cwd());
  } catch {
    // Outside a checkout the registry can still be named by --redis or REDIS_URL.
    return undefined;
  }
  return await readRunRecord(statePaths(root, portOffsetFrom(process.env), process.env).runFile);
}

/** Where the registry is: the option, REDIS_URL, the running system. Undefined when nothing says. */
export function registryUrl(option: string | undefined, run: RunRecord | undefined): string | undefined {
  const url = option ?? (process.env.REDIS_URL?.trim() || run?.stores.redis?.url);
  if (url !== undefined && !/^rediss?:\/\//.test(url)) {
    throw new CliError(`"${hideSecrets(url)}" is no Redis URL`, {
      next: "write redis://host:port or rediss://host:port",
    });
  }
  return url;
}

/** Connects to the registry for one piece of work. Throws CliError when there is none or it does not answer. */
export async function withRegistry<T>(option: string | undefined, use: (redis: Redis) => Promise<T>): Promise<T> {
  const url = registryUrl(option, await findRun());
  if (url === undefined) {
    throw new CliError("nothing is running here, so there is no registry to ask", {
      next: "start the system with `npm start`, or name a registry: --redis redis://host:6379",
    });
  }
  return await withRedis(url, use);
}

export async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    commandTimeout: 5_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let cause: unknown;
  redis.on("error", (error: unknown) => {
    cause = error;
  });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw new CliError(`Redis at ${hideSecrets(url)} does not answer: ${describeError(cause ?? error)}`, {
      cause: error,
      next: "check that it runs and the URL is right (--redis, REDIS_URL)",
    });
  }
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
