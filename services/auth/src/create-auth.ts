/**
 * Joins the auth service's parts over the stores and peers it is given. `main.ts` gives it those of the running mesh,
 * tests give it real stores with a clock of their own; nothing here opens a port or reads the environment.
 */
import { readFile } from "node:fs/promises";
import type { Client, ConnectRouter, Interceptor } from "@connectrpc/connect";
import type { Clock, Database, Logger, Metrics, PubSub, Random, RedisHandles } from "@weft/mesh";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ApiKeyService } from "@weft/proto/weft/auth/v1/api_key_service_pb.ts";
import { AuditService } from "@weft/proto/weft/auth/v1/audit_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { FactorService } from "@weft/proto/weft/auth/v1/factor_service_pb.ts";
import { ProviderService } from "@weft/proto/weft/auth/v1/provider_service_pb.ts";
import type { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { accountRpc } from "./account-rpc.ts";
import { createBreachedPasswords } from "./adapters/breached-passwords.ts";
import { createCachedUserDirectory } from "./adapters/cached-user-directory.ts";
import { createCredentialLeases } from "./adapters/credential-leases.ts";
import { endedCredentials } from "./adapters/ended-credentials.ts";
import { KeyRing } from "./adapters/key-ring.ts";
import { createKeySealing } from "./adapters/key-sealing.ts";
import { createLocalAttemptCounter } from "./adapters/local-attempt-counter.ts";
import { createMailJobs } from "./adapters/mail-jobs.ts";
import { createOpaqueRefreshTokens } from "./adapters/opaque-refresh-tokens.ts";
import type { OpenIdProviderOptions } from "./adapters/openid-provider.ts";
import { createPostgresAccountStore } from "./adapters/postgres-account-store.ts";
import { createPostgresApiKeyStore } from "./adapters/postgres-api-key-store.ts";
import { createPostgresDecisionLog } from "./adapters/postgres-decision-log.ts";
import { createPostgresDeviceStore } from "./adapters/postgres-device-store.ts";
import { createPostgresGrantStore } from "./adapters/postgres-grant-store.ts";
import { createPostgresAddressStore, createPostgresMailedTokenStore } from "./adapters/postgres-mailed-token-store.ts";
import { createPostgresPasswordStore } from "./adapters/postgres-password-store.ts";
import { createPostgresSecurityLog } from "./adapters/postgres-security-log.ts";
import { createPostgresServiceAccountStore } from "./adapters/postgres-service-account-store.ts";
import { createPostgresSessionStore } from "./adapters/postgres-session-store.ts";
import { createPostgresSigningKeyStore } from "./adapters/postgres-signing-key-store.ts";
import { randomApiKeys } from "./adapters/random-api-keys.ts";
import { createRedisAttemptCounter } from "./adapters/redis-attempt-counter.ts";
import { RevocationPublisher } from "./adapters/revocation-publisher.ts";
import type { UpkeepTask } from "./adapters/upkeep.ts";
import { createUserDirectory } from "./adapters/user-directory.ts";
import { apiKeyRpc } from "./api-key-rpc.ts";
import { auditRpc } from "./audit-rpc.ts";
import { authRpc } from "./auth-rpc.ts";
import type { AuthConfig } from "./config.ts";
import { createFactors } from "./create-factors.ts";
import { createProviders } from "./create-providers.ts";
import { Accounts } from "./domain/accounts.ts";
import { ApiKeys } from "./domain/api-keys.ts";
import { AttemptGuard } from "./domain/attempt-guard.ts";
import { Authorization } from "./domain/authorization.ts";
import { DecisionAudit } from "./domain/decision-audit.ts";
import { DecisionTrail } from "./domain/decision-trail.ts";
import { EmailVerification } from "./domain/email-verification.ts";
import { Logins } from "./domain/logins.ts";
import { MailDesk } from "./domain/mail-desk.ts";
import type { Mailer } from "./domain/mail-ports.ts";
import { PasswordRecovery } from "./domain/password-recovery.ts";
import { Passwords } from "./domain/passwords.ts";
import type { GlobalRole } from "./domain/permissions.ts";
import type { PasswordHasher, RevocationAnnouncer } from "./domain/ports.ts";
import { orServiceAccount, ServiceAccounts } from "./domain/service-accounts.ts";
import { Sessions } from "./domain/sessions.ts";
import { factorRpc } from "./factor-rpc.ts";
import { providerRpc } from "./provider-rpc.ts";
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
  readonly metrics: Metrics;
  readonly config: AuthConfig;
  /** Who else can log people in, and where they may send them back to. */
  readonly oidc: { readonly providers: readonly OpenIdProviderOptions[]; readonly redirectUris: readonly string[] };
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
  /** Written out now and then by upkeep; by hand in tests. */
  readonly decisions: DecisionTrail;
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
  const { database, redis, pubsub, clock, random, logger, metrics, config, hasher } = dependencies;
  const { limits, adminUserIds } = config;
  const { accessTokenMs } = limits;
  const globalRoles = (userId: string): readonly GlobalRole[] =>
    adminUserIds.has(userId) ? ["admin", "user"] : ["user"];
  const log = createPostgresSecurityLog({ database, clock, logger });
  const store = createPostgresSessionStore(database);
  const apiKeyStore = createPostgresApiKeyStore(database);
  const serviceAccountStore = createPostgresServiceAccountStore(database);
  const accountStore = createPostgresAccountStore(database);
  const directory = createUserDirectory(dependencies.users);
  const cached = await createCachedUserDirectory({ directory, pubsub, clock });
  const everybody = { findById: orServiceAccount(serviceAccountStore, cached.findById) };
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
  const ended = endedCredentials([store, apiKeyStore]);
  const publisher = new RevocationPublisher({ ended, redis, pubsub, clock, random, logger, accessTokenMs });
  const leases = await createCredentialLeases({
    isLive: ({ sessionId, scopes }) => (scopes === undefined ? sessions : apiKeys).isLive(sessionId),
    pubsub,
    clock,
  });
  const revocations: RevocationAnnouncer = {
    announce(sessionIds) {
      leases.end(sessionIds);
      return publisher.announce(sessionIds);
    },
  };
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
  const mails = await createMailJobs({ database, clock, random, logger });
  const devices = createPostgresDeviceStore(database);
  const factors = createFactors({
    database,
    accounts: accountStore,
    sessionStore: store,
    sessions,
    directory,
    devices,
    tokens,
    hasher,
    keySecret: dependencies.keySecret,
    webauthn: config.webauthn,
    usableIssuers: dependencies.oidc.providers.map(({ issuer }) => issuer),
    counter,
    guard,
    mails,
    clock,
    ids: random,
    log,
  });
  const { reauthentication, entry, completion } = factors;
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
    devices,
    deviceTokens: tokens,
    hasher,
    completion,
    entry,
    guard,
    log,
  });
  const accounts = new Accounts({
    store: accountStore,
    directory: { ...directory, ownProfile: orServiceAccount(serviceAccountStore, directory.ownProfile) },
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
  const providers = createProviders({
    ...dependencies.oidc,
    database,
    keySecret: dependencies.keySecret,
    directory,
    accounts,
    credentials: accountStore,
    completion,
    entry,
    reauthentication,
    mails,
    clock,
    ids: random,
    logger,
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
  const decisionLog = createPostgresDecisionLog({ database, logger, metrics });
  const decisions = new DecisionTrail({ log: decisionLog, clock });
  const authorization = new Authorization({
    grants,
    accounts: accountStore,
    directory: everybody,
    globalRoles,
    clock,
    log,
    trail: decisions,
  });
  const apiKeys = new ApiKeys({
    store: apiKeyStore,
    serviceAccounts: serviceAccountStore,
    mint: randomApiKeys,
    accounts: accountStore,
    directory: everybody,
    issuer: keyRing,
    globalRoles,
    reauthentication,
    revocations,
    guard,
    mails,
    clock,
    log,
  });
  const serviceAccounts = new ServiceAccounts({
    store: serviceAccountStore,
    reauthentication,
    revocations,
    clock,
    ids: random,
    log,
  });
  const validation = createTokenValidation({ keys: keyRing, leases, clock });
  const authService = authRpc({ authorization, apiKeys, tokens: validation, publicKeys: () => keyRing.publicKeys() });

  return {
    routes(router) {
      router.service(
        AccountService,
        accountRpc({ accounts, logins, passwords, recovery, verification, sessions, reauthentication, trail: log }),
      );
      router.service(AuthService, authService);
      // It is about the token in its message, whoever calls: asking who that is would cost more than the answer.
      router.rpc(AuthService.method.validateToken, authService.validateToken, { interceptors: [] });
      router.service(FactorService, factorRpc(factors));
      router.service(ApiKeyService, apiKeyRpc(apiKeys, serviceAccounts));
      router.service(ProviderService, providerRpc(providers.logins, providers.links));
      router.service(AuditService, auditRpc(new DecisionAudit(decisionLog, authorization)));
    },
    interceptors: [
      authenticationInterceptor({
        async verify(token) {
          const check = await validation.check(token).catch((error: unknown) => {
            throw verificationUnavailable(error);
          });
          if (!check.valid) throw tokenRefused(check.reason);
          return check.principal;
        },
      }),
    ],
    revocations: publisher,
    upkeep: [
      { name: "signing-keys", everyMs: keyReloadMs, run: () => keyRing.maintain() },
      { name: "abandoned-accounts", everyMs: 60_000, run: async () => void (await accounts.sweepAbandonedAccounts()) },
      { name: "old-sessions", everyMs: 3_600_000, run: () => store.removeOld(clock.now()) },
      { name: "old-api-keys", everyMs: 3_600_000, run: () => apiKeyStore.removeOld(clock.now()) },
      { name: "old-challenges", everyMs: 600_000, run: () => factors.removeOld(clock.now()) },
      { name: "old-mailed-tokens", everyMs: 3_600_000, run: () => mailedTokens.removeOld(clock.now()) },
      { name: "old-security-events", everyMs: 3_600_000, run: () => log.removeOld() },
      providers.upkeep,
      { name: "decisions", everyMs: 1000, run: () => decisions.flush() },
    ],
    accounts,
    keyRing,
    decisions,
    startMail: () => mails.start((job) => desk.deliver(job)),
    async close() {
      await decisions.flush({ all: true }).catch((error: unknown) => {
        logger.error({ err: error }, "decisions about permissions are missing in the trail");
      });
      await mails.close();
      await publisher.close();
      await leases.close();
      await cached.close();
    },
  };
}
