import { join } from "node:path";
import { registryUrl, withRedis } from "../registry/registry-access.ts";
import { provisionServices, type ServiceSchema, type Store, startPostgres, startRedis } from "../stores/index.ts";
import { hideSecrets } from "../stores/provision.ts";
import type { StatePaths } from "../workspace/state-directory.ts";
import type { RunningStore } from "./run-file.ts";

/*
 * The stores of one run: servers given by DATABASE_URL and REDIS_URL are used as they are, missing ones are started
 * here. PostgreSQL is only started when a service needs it.
 */
export interface OpenStores {
  readonly redisUrl: string;
  /** Connection string by service name, for those that store something. */
  readonly databaseUrls: ReadonlyMap<string, string>;
  /** The ones started here, in the order they are stopped. */
  readonly owned: readonly Store[];
  readonly running: { readonly postgres?: RunningStore; readonly redis: RunningStore };
}

export interface OpenStoresOptions {
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly schemas: readonly ServiceSchema[];
  readonly onDone: (text: string, detail?: string) => void;
  readonly onNote: (text: string) => void;
}

/** Opens both stores at the same time. When one fails, the other is stopped before the error is thrown. */
export async function openStores(options: OpenStoresOptions): Promise<OpenStores> {
  const [postgres, redis] = await Promise.allSettled([openPostgres(options), openRedis(options)]);
  if (postgres.status === "rejected" || redis.status === "rejected") {
    const opened = [postgres, redis].map((result) => (result.status === "fulfilled" ? result.value.store : undefined));
    await Promise.all(opened.map((store) => store?.stop()));
    throw postgres.status === "rejected" ? postgres.reason : (redis as PromiseRejectedResult).reason;
  }
  return {
    redisUrl: redis.value.running.url,
    databaseUrls: postgres.value.urls,
    owned: [redis.value.store, postgres.value.store].filter((store) => store !== undefined),
    running: {
      redis: redis.value.running,
      ...(postgres.value.running === undefined ? {} : { postgres: postgres.value.running }),
    },
  };
}

async function openRedis({ paths, env, onDone, onNote }: OpenStoresOptions) {
  const given = env.REDIS_URL?.trim();
  if (given !== undefined && given !== "") {
    const url = registryUrl(given, undefined) ?? given;
    await withRedis(url, (redis) => redis.ping());
    onDone("Redis", `as given: ${hideSecrets(url)}`);
    return { store: undefined, running: givenStore(given, "given by REDIS_URL") };
  }
  const startedAt = performance.now();
  const store = await startRedis({ dataDir: paths.redis, logFile: join(paths.logs, "redis.log") });
  onDone(store.description, `port ${store.port}, ${seconds(startedAt)}`);
  if (!store.real) {
    onNote("no redis-server on PATH: the JavaScript one is used, which is for development");
  }
  return { store, running: ownStore(store) };
}

async function openPostgres(options: OpenStoresOptions) {
  const { paths, env, schemas, onDone, onNote } = options;
  if (schemas.length === 0) {
    return { store: undefined, urls: new Map<string, string>(), running: undefined };
  }
  const given = env.DATABASE_URL?.trim();
  const startedAt = performance.now();
  const store =
    given === undefined || given === ""
      ? await startPostgres({ dataDir: paths.postgres, logFile: join(paths.logs, "postgres.log") })
      : undefined;
  const adminUrl = store?.url ?? given ?? "";
  try {
    const { urls, note } = await provisionServices({
      adminUrl,
      services: schemas,
      secretsFile: paths.secretsFile,
      exclusive: store !== undefined,
    });
    const where = store === undefined ? `as given: ${hideSecrets(adminUrl)}` : `port ${store.port}`;
    onDone(store?.description ?? "PostgreSQL", `${where}, ${schemas.length} schemas, ${seconds(startedAt)}`);
    if (note !== undefined) {
      onNote(note);
    }
    return {
      store,
      urls,
      running: store === undefined ? givenStore(adminUrl, "given by DATABASE_URL") : ownStore(store),
    };
  } catch (error) {
    await store?.stop();
    throw error;
  }
}

function ownStore(store: Store): RunningStore {
  return { url: store.url, description: store.description, pid: store.pid, logFile: store.logFile };
}

function givenStore(url: string, description: string): RunningStore {
  return { url, description, pid: null, logFile: null };
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
