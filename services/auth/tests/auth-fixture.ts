/**
 * An auth service over a real PostgreSQL and a real Redis, with a clock that stands still and a scripted user service,
 * called through its routes and interceptors without a socket. More instances over the same stores can be made.
 */
import { createHash } from "node:crypto";
import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import {
  createRedisPubSub,
  type Database,
  type Logger,
  Metrics,
  openDatabase,
  openRedis,
  type PubSub,
  type RedisHandles,
  systemRandom,
} from "@weft/mesh";
import { FakeClock, silentLogger } from "@weft/mesh/testing";
import { startTestPostgres, startTestRedis, type TestPostgres, type TestStore } from "@weft/mesh/testing/stores";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ApiKeyService } from "@weft/proto/weft/auth/v1/api_key_service_pb.ts";
import { AuditService } from "@weft/proto/weft/auth/v1/audit_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { FactorService } from "@weft/proto/weft/auth/v1/factor_service_pb.ts";
import { ProviderService } from "@weft/proto/weft/auth/v1/provider_service_pb.ts";
import { loadAuthConfig } from "../src/config.ts";
import { type Auth, type AuthDependencies, createAuth } from "../src/create-auth.ts";
import type { Mailer } from "../src/domain/mail-ports.ts";
import type { PasswordHasher } from "../src/domain/ports.ts";
import { loadProvidersConfig } from "../src/provider-config.ts";
import { createScriptedUserService, type ScriptedUserService } from "./scripted-user-service.ts";

export { codeOf } from "./authenticator-app.ts";

export interface AuthInstance {
  readonly auth: Auth;
  readonly account: Client<typeof AccountService>;
  readonly service: Client<typeof AuthService>;
  readonly audit: Client<typeof AuditService>;
  readonly apiKeys: Client<typeof ApiKeyService>;
  readonly providers: Client<typeof ProviderService>;
  readonly factors: Client<typeof FactorService>;
  readonly redis: RedisHandles;
  readonly pubsub: PubSub;
}

export interface InstanceOptions {
  readonly keySecret?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly mailer?: Mailer;
  /** One that is quick and not safe, unless given. */
  readonly hasher?: PasswordHasher;
  readonly logger?: Logger;
}

export interface AuthFixture {
  readonly clock: FakeClock;
  readonly peer: ScriptedUserService;
  readonly database: Database;
  readonly postgres: TestPostgres;
  readonly redisStore: TestStore;
  /** Mails are queued; they are sent once the test starts that, to its mailer. */
  instance(options?: InstanceOptions): Promise<AuthInstance>;
  close(): Promise<void>;
}

const migrationsDir = new URL("../migrations", import.meta.url).pathname;

export async function startAuthFixture(): Promise<AuthFixture> {
  const [postgres, redisStore] = await Promise.all([startTestPostgres(), startTestRedis("server")]);
  const clock = new FakeClock();
  const peer = createScriptedUserService();
  const database = await openDatabase({
    connectionString: await postgres.createDatabase("auth"),
    schema: "auth_schema",
    migrationsDir,
    maxConnections: 30,
    applicationName: "auth-test",
    logger: silentLogger,
  });
  const instances: AuthInstance[] = [];
  return {
    clock,
    peer,
    database,
    postgres,
    redisStore,
    async instance({
      keySecret = "a key-encryption secret",
      env = {},
      mailer = noMailer,
      hasher = quickHasher,
      logger = silentLogger,
    } = {}) {
      const redis = openRedis({ url: redisStore.url, logger: silentLogger, clientName: "auth-test" });
      await redis.whenReady(10_000);
      const pubsub = createRedisPubSub({ redis, logger: silentLogger });
      const auth = await createAuth({
        database,
        users: peer.client,
        redis,
        pubsub,
        clock,
        random: systemRandom,
        logger,
        metrics: new Metrics(),
        config: loadAuthConfig(env),
        oidc: oidcFrom(env),
        keySecret,
        hasher,
        mailer,
      });
      const interceptors = [...auth.interceptors];
      const transport = createRouterTransport((router) => auth.routes(router), { router: { interceptors } });
      const account = createClient(AccountService, transport);
      const service = createClient(AuthService, transport);
      const audit = createClient(AuditService, transport);
      const apiKeys = createClient(ApiKeyService, transport);
      const providers = createClient(ProviderService, transport);
      const factors = createClient(FactorService, transport);
      const instance = { auth, factors, account, service, audit, apiKeys, providers, redis, pubsub };
      instances.push(instance);
      return instance;
    },
    async close() {
      for (const { auth, pubsub, redis } of instances) {
        await auth.close();
        await pubsub.close();
        await redis.close();
      }
      await database.close();
      await Promise.all([postgres.close(), redisStore.close()]);
    },
  };
}

function oidcFrom(env: Readonly<Record<string, string>>): AuthDependencies["oidc"] {
  const { providers, redirectUris } = loadProvidersConfig(env, { publicUrl: env.WEFT_PUBLIC_URL, development: true });
  const known = providers.map((provider) => ({ ...provider, clientSecret: env[provider.secretName] ?? "" }));
  return { providers: known, redirectUris };
}

const noMailer: Mailer = { send: async () => undefined };

/** Argon2 takes what makes it safe: 40 ms of a core and 19 MiB, for each of hundreds of logins. */
const quickHasher: PasswordHasher = {
  hash: async (password) => `quick ${createHash("sha256").update(password).digest("base64url")}`,
  verify: async (hash, password) => hash === (await quickHasher.hash(password)),
  verifyDecoy: async () => undefined,
};

let names = 0;

/** A signup nobody else uses. */
export function freshSignup(): { username: string; email: string; password: string } {
  names += 1;
  const username = `user-${process.pid}-${names}`;
  return { username, email: `${username}@example.org`, password: "correct horse battery" };
}

export function bearer(token: string): { headers: { authorization: string } } {
  return { headers: { authorization: `Bearer ${token}` } };
}
