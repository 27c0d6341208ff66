/**
 * Joins the auth service's parts over the stores and peers it is given. `main.ts` gives it those of the running mesh,
 * tests give it real stores with a clock of their own; nothing here opens a port or reads the environment.
 */
import { readFile } from "node:fs/promises";
import type { Client, ConnectRouter, Interceptor } from "@connectrpc/connect";
import type { Clock, Database, Logger, PubSub, Random, RedisHandles } from "@weft/mesh";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import type { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { accountRpc } from "./account-rpc.ts";
import { createBreachedPasswords } from "./adapters/breached-passwords.ts";
import { createCachedUserDirectory } from "./adapters/cached-user-directory.ts";
import { KeyRing } from "./adapters/key-ring.ts";
import { createKeySealing } from "./adapters/key-sealing.ts";
import { createLocalAttemptCounter } from "./adapters/local-attempt-counter.ts";
import { createMailJobs } from "./adapters/mail-jobs.ts";
import { createOpaqueRefreshTokens } from "./adapters/opaque-refresh-tokens.ts";
import { createPostgresAccountStore } from "./adapters/postgres-account-store.ts";
import { createPostgresDeviceStore } from "./adapters/postgres-device-store.ts";
import { createPostgresGrantStore } from "./adapters/postgres-grant-store.ts";
import { createPostgresAddressStore, createPostgresMailedTokenStore } from "./adapters/postgres-mailed-token-store.ts";
import { createPostgresPasswordStore } from "./adapters/postgres-password-store.ts";
import { createPostgresSecurityLog } from "./adapters/postgres-security-log.ts";
import { createPostgresSessionStore } from "./adapters/postgres-session-store.ts";
import { createPostgresSigningKeyStore } from "./adapters/postgres-signing-key-store.ts";
import { createRedisAttemptCounter } from "./adapters/redis-attempt-counter.ts";
import { RevocationPublisher } from "./adapters/revocation-publisher.ts";
import type { UpkeepTask } from "./adapters/upkeep.ts";
import { createUserDirectory } from "./adapters/user-directory.ts";
import { authRpc } from "./auth-rpc.ts";
import type { AuthConfig } from "./config.ts";
import { Accounts } from "./domain/accounts.ts";
import { AttemptGuard } from "./domain/attempt-guard.ts";
import { Authorization } from "./domain/authorization.ts";
import { EmailVerification } from "./domain/email-verification.ts";
import { Logins } from "./domain/logins.ts";
import { MailDesk } from "./domain/mail-desk.ts";
import type { Mailer } from "./domain/mail-ports.ts";
import { PasswordRecovery } from "./domain/password-recovery.ts";
import { Passwords } from "./domain/passwords.ts";
import type { GlobalRole } from "./domain/permissions.ts";
import type { PasswordHasher } from "./domain/ports.ts";
import { Reauthentication } from "./domain/reauthentication.ts";
import { Sessions } from "./domain/sessions.ts";
import { createTokenValidation } from "./token-validation.ts";
import { authenticationInterceptor } from "./verifier/authentication-interceptor.ts";
import { tokenRefused, verificationUnavailable } from "./verifier/token-errors.ts";

export interface AuthDependencies {
  readonly database: Database;
  readonly users: Client<typeof UserService>;
  readonly redis: RedisHandles;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: AuthConfig;
  /** Seals the private signing keys in the database. */
  readonly keySecret: string;
  readonly hasher: PasswordHasher;
  readonly mailer: Mailer;
}

export interface Auth {
  routes(router: ConnectRouter): void;
  readonly interceptors: readonly Interceptor[];
  /** The revocation heartbeat; started by `main.ts`, beaten by hand in tests. */
  readonly revocations: RevocationPublisher;
  /** Rotation of keys, the sweep of abandoned accounts, removal of old rows. */
  readonly upkeep: readonly UpkeepTask[];
  readonly accounts: Accounts;
  readonly keyRing: KeyRing;
  /** Begins to send mails; until then they are only queued. */
  startMail(): Promise<void>;
  close(): Promise<void>;
}

const breachedPasswordsFile = new URL("../data/breached-passwords.bin", import.meta.url);
/** Instances reload their keys this often; verifiers fetch them as often (`JwksCache`). */
const keyReloadMs = 60_000;
/** Five reloads: a new key is known everywhere long before it signs. */
const keyAnnounceMs = 5 * keyReloadMs;

/** Loads the signing keys, making the first one; rejects when the stored ones cannot be opened with `keySecret`. */
export async function createAuth(dependencies: AuthDependencies): Promise<Auth> {
  const { database, redis, pubsub, clock, random, logger, config, hasher } = dependencies;
  const { limits, adminUserIds } = config;
  const { accessTokenMs } = limits;
  const globalRoles = (userId: string): readonly GlobalRole[] =>
    adminUserIds.has(userId) ? ["admin", "user"] : ["user"];
  const log = createPostgresSecurityLog({ database, clock, logger });
  const store = createPostgresSessionStore(database);
  const accountStore = createPostgresAccountStore(database);
  const directory = createUserDirectory(dependencies.users);
  const cached = await createCachedUserDirectory({ directory, pubsub, clock });
  const keyRing = await KeyRing.open({
    store: createPostgresSigningKeyStore(database),
    sealing: createKeySealing(dependencies.keySecret),
    life: {
      rotateAfterMs: config.keyRotationMs,
      announceMs: keyAnnounceMs,
      accessTokenMs,
      reloadLagMs: 2 * keyReloadMs,
    },
    clock,
    ids: random,
  });
  const revocations = new RevocationPublisher({ ended: store, redis, pubsub, clock, random, logger, accessTokenMs });
  const breached = createBreachedPasswords(await readFile(breachedPasswordsFile));
  const tokens = createOpaqueRefreshTokens(dependencies.keySecret);
  const sessions = new Sessions({
    store,
    directory,
    refreshTokens: tokens,
    issuer: keyRing,
    revocations,
    globalRoles,
    clock,
    ids: random,
    limits,
    log,
  });
  const counter = createRedisAttemptCounter({ redis, fallback: createLocalAttemptCounter(), clock, logger });
  const guard = new AttemptGuard(counter, clock);
  const reauthentication = new Reauthentication({
    accounts: accountStore,
    sessions: store,
    hasher,
    guard,
    clock,
    log,
  });
  const mails = await createMailJobs({ database, clock, random, logger });
  const mailedTokens = createPostgresMailedTokenStore(database);
  const addresses = createPostgresAddressStore(database);
  const desk = new MailDesk({
    directory,
    accounts: accountStore,
    addresses,
    mailedTokens,
    tokens,
    mailer: dependencies.mailer,
    clock,
    publicUrl: config.publicUrl,
  });
  const logins = new Logins({
    accounts: accountStore,
    directory,
    devices: createPostgresDeviceStore(database),
    deviceTokens: tokens,
    hasher,
    sessions,
    guard,
    mails,
    clock,
    log,
  });
  const accounts = new Accounts({
    store: accountStore,
    directory,
    deviceTokens: tokens,
    hasher,
    breached,
    reauthentication,
    sessions,
    revocations,
    clock,
    ids: random,
    counter,
    mails,
    log,
  });
  const passwordStore = createPostgresPasswordStore(database);
  const passwords = new Passwords({
    store: passwordStore,
    directory,
    deviceTokens: tokens,
    hasher,
    breached,
    reauthentication,
    sessions,
    sessionStore: store,
    revocations,
    clock,
    mails,
    log,
  });
  const recovery = new PasswordRecovery({
    store: passwordStore,
    mailedTokens,
    tokens,
    directory,
    hasher,
    breached,
    revocations,
    counter,
    mails,
    clock,
    log,
  });
  const verification = new EmailVerification({
    addresses,
    mailedTokens,
    tokens,
    directory,
    reauthentication,
    counter,
    mails,
    clock,
    log,
  });
  const grants = createPostgresGrantStore(database);
  const authorization = new Authorization({
    grants,
    accounts: accountStore,
    directory: cached,
    globalRoles,
    clock,
    log,
  });
  const validateToken = createTokenValidation({ keyRing, sessions, clock });

  return {
    routes(router) {
      router.service(
        AccountService,
        accountRpc({ accounts, logins, passwords, recovery, verification, sessions, reauthentication, trail: log }),
      );
      router.service(AuthService, authRpc({ authorization, validateToken, publicKeys: () => keyRing.publicKeys() }));
    },
    interceptors: [
      authenticationInterceptor({
        async verify(token) {
          const check = await validateToken(token).catch((error: unknown) => {
            throw verificationUnavailable(error);
          });
          if (!check.valid) throw tokenRefused(check.reason);
          return check.principal;
        },
      }),
    ],
    revocations,
    upkeep: [
      { name: "signing-keys", everyMs: keyReloadMs, run: () => keyRing.maintain() },
      { name: "abandoned-accounts", everyMs: 60_000, run: async () => void (await accounts.sweepAbandonedAccounts()) },
      { name: "old-sessions", everyMs: 3_600_000, run: () => store.removeOld(clock.now()) },
      { name: "old-mailed-tokens", everyMs: 3_600_000, run: () => mailedTokens.removeOld(clock.now()) },
      { name: "old-security-events", everyMs: 3_600_000, run: () => log.removeOld() },
    ],
    accounts,
    keyRing,
    startMail: () => mails.start((job) => desk.deliver(job)),
    async close() {
      await mails.close();
      await revocations.close();
      await cached.close();
    },
  };
}
