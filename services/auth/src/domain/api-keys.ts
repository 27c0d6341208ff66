/**
 * API keys: what programs call with. A key acts as its owner, or as a service account of theirs, within its scopes.
 *
 * A key is shown once and recognized by its hash. Services never see it: the gateway exchanges it for an access token of
 * five minutes that names the key as its session, so services verify it as they verify a login's, without asking, and a
 * revoked key travels to them as an ended session does. A token lives no longer than its key.
 *
 * Guessing a key is hopeless (256 random bits), so what is counted by network are keys that do not exist, to keep a flood
 * of them away from the database; revoked and expired ones are known, and cost nobody a wait.
 */
import type { ApiKey, ApiKeyMint, ApiKeyStore, ServiceAccountStore } from "./api-key-ports.ts";
import type { AttemptGuard } from "./attempt-guard.ts";
import { AuthError } from "./errors.ts";
import type { MailQueue } from "./mail-ports.ts";
import type { GlobalRole } from "./permissions.ts";
import type { AccountStore, ClientFacts, RevocationAnnouncer, TokenIssuer, UserDirectory, WallClock } from "./ports.ts";
import type { Reauthentication, Shown } from "./reauthentication.ts";
import type { SecurityLog } from "./security-events.ts";
import type { SessionCaller } from "./sessions.ts";

export interface ApiKeysOptions {
  readonly store: ApiKeyStore;
  readonly serviceAccounts: Pick<ServiceAccountStore, "find">;
  readonly mint: ApiKeyMint;
  readonly accounts: Pick<AccountStore, "isActive">;
  /** Knows service accounts, too. */
  readonly directory: Pick<UserDirectory, "findById">;
  readonly issuer: TokenIssuer;
  readonly globalRoles: (userId: string) => readonly GlobalRole[];
  readonly reauthentication: Reauthentication;
  readonly revocations: RevocationAnnouncer;
  readonly guard: AttemptGuard;
  readonly mails: MailQueue;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

export interface NewApiKey {
  readonly name: string;
  readonly scopes: readonly string[];
  /** 0 for the default. */
  readonly expiresInDays: number;
  /** Empty for a key that acts as its owner. */
  readonly serviceAccountId: string;
  readonly shown: Shown;
}

/** What a key is exchanged for, or why not; the words of `ExchangeApiKeyResponse.reason`. */
export type ApiKeyExchange =
  | { readonly accessToken: string; readonly expiresAtMs: number }
  | { readonly reason: "bad_signature" | "expired" | "revoked" };

const dayMs = 24 * 3_600_000;
const defaultDays = 90;
const mostDays = 365;
const mostKeys = 50;
/** An exchange costs three look-ups, every few minutes and gateway; a revocation need be remembered no longer. */
const tokenMs = 5 * 60_000;

export class ApiKeys {
  readonly #options: ApiKeysOptions;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
  }

  /**
   * Makes a key; `key` is its only appearance. Throws what `Reauthentication.assertFull` throws, "too_many" beyond 50
   * keys, "service_account_unknown" and "field_invalid".
   */
  async create(caller: SessionCaller, wanted: NewApiKey): Promise<{ readonly apiKey: ApiKey; readonly key: string }> {
    const { store, serviceAccounts, mint, reauthentication, mails, clock, log } = this.#options;
    const { userId: ownerId, sessionId } = caller;
    await reauthentication.assertFull(caller, wanted.shown);
    const subjectId = wanted.serviceAccountId || ownerId;
    if (subjectId !== ownerId && (await serviceAccounts.find(subjectId))?.ownerId !== ownerId) {
      throw new AuthError("service_account_unknown", "there is no such service account of yours");
    }
    const { id, key, hash } = mint.mint();
    const { name, scopes, shown } = wanted;
    const createdAtMs = clock.now();
    const expiresAtMs = createdAtMs + Math.min(wanted.expiresInDays || defaultDays, mostDays) * dayMs;
    const unused = { lastUsedAtMs: undefined, revokedAtMs: undefined };
    const apiKey = { id, ownerId, subjectId, name, scopes, createdAtMs, expiresAtMs, ...unused };
    const added = await store.add(apiKey, hash, mostKeys);
    if (added === "too_many") {
      throw new AuthError("too_many", `nobody can have more than ${mostKeys} keys; revoke one that is not used`);
    }
    if (added === "owner_unknown") {
      throw new AuthError("user_unknown", "the account that the key was to act as is not there any more");
    }
    const { address, userAgent } = shown.client;
    await log.record("api_key_created", { userId: ownerId, sessionId, address, userAgent, keyId: id, subjectId });
    await mails.notify({
      kind: "api_key_created",
      userId: ownerId,
      keyName: name,
      atMs: createdAtMs,
      address,
      userAgent,
    });
    return { apiKey, key };
  }

  /** The caller's keys that were not revoked, those of their service accounts among them; the newest first. */
  list(ownerId: string): Promise<readonly ApiKey[]> {
    return this.#options.store.list(ownerId);
  }

  /** Ends a key of the caller; one that was revoked before is no error. Throws "api_key_unknown". */
  async revoke({ userId, sessionId }: SessionCaller, keyId: string): Promise<void> {
    const { store, revocations, clock, log } = this.#options;
    const revoked = await store.revoke(keyId, userId, clock.now());
    if (revoked === "unknown") {
      throw new AuthError("api_key_unknown", "there is no such key of yours");
    }
    // Announced even when it was revoked before: that heals an announcement that was lost.
    await revocations.announce([keyId]);
    if (revoked) {
      await log.record("api_key_revoked", { userId, sessionId, keyId });
    }
  }

  /** An access token in the place of a key. Throws "too_many_attempts" with the time to wait, and "unavailable". */
  async exchange(key: string, client: ClientFacts): Promise<ApiKeyExchange> {
    const { store, mint, guard, log } = this.#options;
    const hash = mint.hash(key);
    if (hash === undefined) {
      return { reason: "bad_signature" };
    }
    const verdict = await guard.attempt([{ kind: "apiKeyFromNetwork", id: client.network }], async () => {
      const value = await store.findByHash(hash);
      return value === undefined ? { right: false } : { right: true, value };
    });
    if (verdict.right) {
      return this.#tokenFor(verdict.value, client);
    }
    if (!verdict.verified) {
      throw new AuthError("too_many_attempts", "too many keys that do not exist came from this network; wait", {
        retryAfterMs: verdict.waitMs,
      });
    }
    if (verdict.waitMs > 0) {
      // Once per wait that begins, as for logins.
      const { address, userAgent } = client;
      await log.record("api_key_guesses_held_up", { address, userAgent, waitMs: verdict.waitMs });
    }
    return { reason: "bad_signature" };
  }

  /** Whether the tokens of a key are good; throws when the store cannot be asked. */
  isLive(keyId: string): Promise<boolean> {
    return this.#options.store.isLive(keyId, this.#options.clock.now());
  }

  async #tokenFor(apiKey: ApiKey, client: ClientFacts): Promise<ApiKeyExchange> {
    const { store, accounts, directory, issuer, globalRoles, clock, log } = this.#options;
    const issuedAtMs = clock.now();
    const { id, ownerId, subjectId: userId, scopes } = apiKey;
    if (apiKey.revokedAtMs !== undefined) {
      return { reason: "revoked" };
    }
    if (issuedAtMs >= apiKey.expiresAtMs) {
      return { reason: "expired" };
    }
    const [active, user] = await Promise.all([accounts.isActive(userId), directory.findById(userId)]);
    if (!active || user === undefined) {
      return { reason: "revoked" };
    }
    if (await store.noteUse(id, client.network, issuedAtMs)) {
      const { address, userAgent } = client;
      await log.record("api_key_used_from_new_network", { userId: ownerId, address, userAgent, keyId: id });
    }
    const expiresAtMs = Math.min(issuedAtMs + tokenMs, apiKey.expiresAtMs);
    const { username } = user;
    const roles = globalRoles(userId);
    const claims = { userId, username, sessionId: id, roles, scopes, issuedAtMs, expiresAtMs };
    return { accessToken: await issuer.issue(claims), expiresAtMs };
  }
}
