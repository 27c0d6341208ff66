/**
 * The passkeys of an account. The first second factor of an account, be it a passkey or an app, makes a password alone
 * worth nothing, and so brings recovery codes with it.
 */
import { originOf } from "./client-origin.ts";
import { AuthError } from "./errors.ts";
import type { ChallengeStore, JsonObject, Passkey, PasskeyStore, RecoveryCodes, WebAuthn } from "./factor-ports.ts";
import { challengeLifeMs } from "./login-completion.ts";
import type { MailQueue } from "./mail-ports.ts";
import { passkeyRefused } from "./passkey-assertions.ts";
import type { ClientFacts, IdSource, OpaqueTokens, UserDirectory, WallClock } from "./ports.ts";
import type { Reauthentication, Shown } from "./reauthentication.ts";
import type { SecurityLog } from "./security-events.ts";
import type { SessionCaller } from "./sessions.ts";
import { mintRecoveryCodes } from "./totp-enrolment.ts";

export interface PasskeysOptions {
  readonly store: PasskeyStore;
  readonly webauthn: WebAuthn;
  readonly challenges: ChallengeStore;
  readonly tokens: OpaqueTokens;
  readonly recovery: RecoveryCodes;
  readonly directory: Pick<UserDirectory, "ownProfile">;
  readonly reauthentication: Reauthentication;
  readonly ids: IdSource;
  readonly mails: MailQueue;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

export interface NewPasskey {
  readonly name: string;
  readonly response: JsonObject;
  readonly client: ClientFacts;
}

/** More than anybody has devices; each one is another thing that can be lost. */
const passkeysMax = 20;

export class Passkeys {
  readonly #options: PasskeysOptions;

  constructor(options: PasskeysOptions) {
    this.#options = options;
  }

  /** What the browser is to make a passkey of. Throws what `Reauthentication.assertFull` throws. */
  async begin(caller: SessionCaller, shown: Shown): Promise<JsonObject> {
    const { store, webauthn, challenges, tokens, directory, reauthentication, clock } = this.#options;
    const { userId } = caller;
    await reauthentication.assertFull(caller, shown);
    const { username, firstName, lastName } = await directory.ownProfile(userId);
    const { token, hash } = tokens.mint();
    const expiresAtMs = clock.now() + challengeLifeMs;
    await challenges.put({ challengeHash: hash, expiresAtMs, of: { purpose: "passkey_registration", userId } });
    const displayName = [firstName, lastName].filter((name) => name !== "").join(" ") || username;
    return webauthn.registrationOptions(token, { userId, username, displayName }, await store.list(userId));
  }

  /** The passkey, and recovery codes if it was the account's first second factor. Throws "passkey_refused" or "too_many_passkeys". */
  async finish(
    { userId, sessionId }: SessionCaller,
    { name, response, client }: NewPasskey,
  ): Promise<{ passkey: Passkey; recoveryCodes: readonly string[] }> {
    const { store, webauthn, challenges, tokens, recovery, ids, mails, clock, log } = this.#options;
    const origin = originOf(client);
    const atMs = clock.now();
    const refuse = async (why: string): Promise<never> => {
      await log.record("passkey_refused", { userId, sessionId, ...origin, why });
      throw passkeyRefused();
    };
    const challenge = webauthn.challengeOf(response);
    const taken = challenge && (await challenges.take("passkey_registration", tokens.hash(challenge), atMs));
    if (challenge === undefined || !taken || taken.userId !== userId) {
      return refuse("the challenge is not good");
    }
    const checked = await webauthn.checkRegistration(response, challenge);
    if (!checked.good) {
      return refuse(checked.why);
    }
    const passkey = { ...checked.credential, id: ids.id(), userId, name, createdAtMs: atMs, lastUsedAtMs: undefined };
    const codes = mintRecoveryCodes(recovery);
    const recoveryCodes = codes.map(({ hash }) => hash);
    const added = await store.add({ ...passkey, recoveryCodes, sessionId }, passkeysMax);
    if (added === "too_many") {
      throw new AuthError("too_many_passkeys", `an account has ${passkeysMax} passkeys at the most; remove one first`);
    }
    if (typeof added === "string") {
      return refuse(added);
    }
    await log.record("second_factor_added", { userId, sessionId, ...origin, factor: "passkey", passkey: passkey.id });
    await mails.notify({ kind: "factor_added", factor: "passkey", userId, atMs, ...origin });
    return { passkey, recoveryCodes: added.first ? codes.map(({ code }) => code) : [] };
  }

  list(userId: string): Promise<readonly Passkey[]> {
    return this.#options.store.list(userId);
  }

  /** Throws "passkey_unknown", also for one that is somebody else's. */
  async rename({ userId, sessionId }: SessionCaller, passkeyId: string, name: string): Promise<Passkey> {
    const { store, log } = this.#options;
    const renamed = await store.rename(passkeyId, userId, name);
    if (renamed === undefined) {
      throw unknown();
    }
    await log.record("passkey_renamed", { userId, sessionId, passkey: passkeyId });
    return renamed;
  }

  /** Throws "passkey_unknown", also for one that is somebody else's, "last_way_in", and what `Reauthentication.assertFull` throws. */
  async remove(caller: SessionCaller, passkeyId: string, shown: Shown): Promise<void> {
    const { store, reauthentication, mails, clock, log } = this.#options;
    const { userId, sessionId } = caller;
    await reauthentication.assertFull(caller, shown);
    const removed = await store.remove(passkeyId, userId);
    if (removed === undefined) {
      throw unknown();
    }
    if (removed === "last") {
      throw new AuthError("last_way_in", "nothing else lets you in to your account: set a password first");
    }
    const origin = originOf(shown.client);
    const facts = { userId, sessionId, ...origin, factor: "passkey", passkey: passkeyId };
    await log.record("second_factor_removed", facts);
    await mails.notify({ kind: "factor_removed", factor: "passkey", userId, atMs: clock.now(), ...origin });
  }
}

function unknown(): AuthError {
  return new AuthError("passkey_unknown", "there is no such passkey of yours");
}
