import { createRequire } from "node:module";
import { type Logger, startService } from "@weft/mesh";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { createArgon2PasswordHasher } from "./adapters/argon2-password-hasher.ts";
import { createAbsentMailer, createConsoleMailer } from "./adapters/console-mailer.ts";
import { createSmtpMailer } from "./adapters/smtp-mailer.ts";
import { startUpkeep } from "./adapters/upkeep.ts";
import { callers } from "./callers.ts";
import { type AuthConfig, assertKeySecret, loadAuthConfig } from "./config.ts";
import { createAuth } from "./create-auth.ts";
import type { Mailer } from "./domain/mail-ports.ts";
import { loadProvidersConfig } from "./provider-config.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

await startService({
  name: "auth-service",
  version,
  basePort: 9000,
  peers: { "user-service": { services: [UserService], basePort: 12_000 } },
  callers,
  uses: { database: true, publishes: ["auth:revocations"], subscribes: ["auth:revocations", "user:changes"] },
  async setup(mesh) {
    const config = loadAuthConfig(mesh.env);
    const { publicUrl } = config;
    const { providers, redirectUris } = loadProvidersConfig(mesh.env, { publicUrl, development: mesh.development });
    const { redis, pubsub, clock, random, logger, metrics } = mesh;
    // AUTH-08: in production the secret is configured or the service does not start.
    const keySecret = await mesh.secrets.get("WEFT_AUTH_KEY_SECRET");
    assertKeySecret(keySecret);
    const oidc = {
      redirectUris,
      providers: await Promise.all(
        providers.map(async (provider) => ({ ...provider, clientSecret: await mesh.secrets.get(provider.secretName) })),
      ),
    };
    const database = await mesh.openDatabase({
      schema: "auth_schema",
      migrationsDir: new URL("../migrations", import.meta.url),
    });
    const users = mesh.client(UserService);
    const mailer = createMailer(config, mesh.development, logger);
    const hasher = await createArgon2PasswordHasher({ running: config.hashConcurrency });
    const parts = {
      database,
      users,
      redis,
      pubsub,
      clock,
      random,
      logger,
      metrics,
      config,
      oidc,
      keySecret,
      hasher,
      mailer,
    };
    const auth = await createAuth(parts);
    auth.revocations.start();
    await auth.startMail();
    const endUpkeep = startUpkeep(auth.upkeep, clock, logger);
    return {
      routes: auth.routes,
      interceptors: [...auth.interceptors],
      checks: { postgres: () => database.ping() },
      async close() {
        await endUpkeep();
        await auth.close();
        await database.close();
      },
    };
  },
});

function createMailer(config: AuthConfig, development: boolean, logger: Logger): Mailer {
  if (config.smtp !== undefined) {
    return createSmtpMailer(config.smtp);
  }
  if (development) {
    return createConsoleMailer(logger);
  }
  logger.warn("no mail is sent: WEFT_SMTP_URL is not set");
  return createAbsentMailer(logger);
}
