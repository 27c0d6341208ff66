import type { Database } from "@weft/mesh";
import { createKeySealing } from "./adapters/key-sealing.ts";
import { createTotpCodes } from "./adapters/otpauth-totp-codes.ts";
import { createPostgresChallengeStore } from "./adapters/postgres-challenge-store.ts";
import { createPostgresFactorStore } from "./adapters/postgres-factor-store.ts";
import { createPostgresPasskeyStore } from "./adapters/postgres-passkey-store.ts";
import { createRecoveryCodes } from "./adapters/random-recovery-codes.ts";
import { createWebAuthn } from "./adapters/simple-webauthn.ts";
import type { WebAuthnConfig } from "./config.ts";
import type { AttemptGuard } from "./domain/attempt-guard.ts";
import { Entry } from "./domain/entry.ts";
import { LoginCompletion } from "./domain/login-completion.ts";
import type { MailQueue } from "./domain/mail-ports.ts";
import { PasskeyAssertions } from "./domain/passkey-assertions.ts";
import { PasskeyLogins } from "./domain/passkey-logins.ts";
import { Passkeys } from "./domain/passkeys.ts";
import type {
  AccountStore,
  AttemptCounter,
  DeviceStore,
  IdSource,
  OpaqueTokens,
  PasswordHasher,
  SessionStore,
  UserDirectory,
  WallClock,
} from "./domain/ports.ts";
import { Reauthentication } from "./domain/reauthentication.ts";
import { SecondFactors } from "./domain/second-factors.ts";
import type { SecurityLog } from "./domain/security-events.ts";
import type { Sessions } from "./domain/sessions.ts";
import { TotpEnrolment } from "./domain/totp-enrolment.ts";
import type { FactorRpcOptions } from "./factor-rpc.ts";

export interface FactorDependencies {
  readonly database: Database;
  readonly accounts: AccountStore;
  readonly sessionStore: SessionStore;
  readonly sessions: Sessions;
  readonly directory: UserDirectory;
  readonly devices: DeviceStore;
  readonly tokens: OpaqueTokens;
  readonly hasher: PasswordHasher;
  /** Seals the secrets of authenticator apps in the database. */
  readonly keySecret: string;
  readonly webauthn: WebAuthnConfig;
  /** Of the providers that can log people in. */
  readonly usableIssuers: readonly string[];
  readonly counter: AttemptCounter;
  readonly guard: AttemptGuard;
  readonly mails: MailQueue;
  readonly clock: WallClock;
  readonly ids: IdSource;
  readonly log: SecurityLog;
}

export interface Factors extends FactorRpcOptions {
  readonly reauthentication: Reauthentication;
  readonly entry: Entry;
  removeOld(nowMs: number): Promise<void>;
}

/** Joins what second factors and passkeys are made of; a part of `createAuth`. */
export function createFactors(dependencies: FactorDependencies): Factors {
  const { database, accounts, sessionStore, sessions, directory, devices, tokens, hasher } = dependencies;
  const { counter, guard, mails, clock, ids, log } = dependencies;
  const store = createPostgresFactorStore(database);
  const passkeyStore = createPostgresPasskeyStore(database, dependencies.usableIssuers);
  const challenges = createPostgresChallengeStore(database);
  const totp = createTotpCodes();
  const recovery = createRecoveryCodes();
  const sealing = createKeySealing(dependencies.keySecret, "TOTP secret");
  const webauthn = createWebAuthn(dependencies.webauthn);
  const factors = new SecondFactors({ store, totp, recovery, sealing, guard, counter, mails, clock, log });
  const reauthentication = new Reauthentication({
    accounts,
    sessions: sessionStore,
    hasher,
    factors,
    guard,
    clock,
    log,
  });
  const entry = new Entry({ devices, deviceTokens: tokens, sessions, mails, clock, log });
  const assertions = new PasskeyAssertions({ store: passkeyStore, webauthn, clock, log });
  const completion = new LoginCompletion({
    factors,
    assertions,
    passkeys: passkeyStore,
    webauthn,
    challenges,
    tokens,
    directory,
    entry,
    clock,
    log,
  });
  const passkeyLogins = new PasskeyLogins({ assertions, webauthn, challenges, tokens, directory, entry, clock });
  const enrolment = new TotpEnrolment({
    store,
    totp,
    recovery,
    sealing,
    directory,
    reauthentication,
    guard,
    mails,
    clock,
    log,
  });
  const passkeys = new Passkeys({
    store: passkeyStore,
    webauthn,
    challenges,
    tokens,
    recovery,
    directory,
    reauthentication,
    ids,
    mails,
    clock,
    log,
  });
  return {
    factors,
    completion,
    enrolment,
    passkeys,
    passkeyLogins,
    reauthentication,
    entry,
    async removeOld(nowMs) {
      await challenges.removeOld(nowMs);
      await store.removeOld(nowMs);
    },
  };
}
