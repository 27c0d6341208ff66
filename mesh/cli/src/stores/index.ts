// Real stores for tests and for `weft up`.
export { type PostgresStoreOptions, startPostgres } from "./postgres-store.ts";
export { type ProvisionedDatabases, provisionServices, type ServiceSchema } from "./provision.ts";
export { hasRealRedis } from "./redis-program.ts";
export { type RedisStore, type RedisStoreOptions, startRedis } from "./redis-store.ts";
export type { Store } from "./store.ts";
