import type { StatePaths } from "../workspace/state-directory.ts";
import type { OpenStores } from "./open-stores.ts";
import type { PlannedProcess } from "./plan.ts";

/** Variables that name one port each; set for all services at once they would make them collide. */
const portOverrides = ["GRPC_PORT", "HTTP_PORT", "METRICS_PORT", "HEALTH_PORT"];

/**
 * The environment of one service process: ours, with what this run decides. A service without a schema gets no
 * DATABASE_URL, and none gets the administrator's.
 */
export function serviceEnv(
  base: NodeJS.ProcessEnv,
  { definition, instance }: PlannedProcess,
  paths: StatePaths,
  stores: Pick<OpenStores, "redisUrl" | "databaseUrls">,
): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...base };
  for (const name of [...portOverrides, "DATABASE_URL"]) {
    delete env[name];
  }
  const databaseUrl = stores.databaseUrls.get(definition.service);
  return {
    ...env,
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    REDIS_URL: stores.redisUrl,
    WEFT_PORT_OFFSET: String(paths.portOffset),
    WEFT_INSTANCE: String(instance),
    WEFT_DATA_DIR: paths.serviceData,
    NODE_ENV: base.NODE_ENV ?? "development",
    NODE_COMPILE_CACHE: base.NODE_COMPILE_CACHE ?? paths.compileCache,
  };
}
