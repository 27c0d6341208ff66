/**
 * What second factors and passkeys need from outside. Instants are epoch milliseconds; `undefined` means "there is none",
 * and what is unreachable throws, as in ports.ts.
 */

export type Json = null | boolean | number | string | Json[] | JsonObject;
/** WebAuthn's options and responses in their JSON form (Level 3, 5.1.8 to 5.1.10), as browsers read and write them. */
export interface JsonObject {
  [name: string]: Json;
}

/** What an account can prove itself with besides its password. */
export interface FactorSummary {
  readonly totp: { readonly createdAtMs: number; readonly lastUsedAtMs: number | undefined } | undefined;
  readonly recoveryCodes: number;
  readonly passkeys: number;
}

/** Time-based codes (RFC 6238) of six digits and 30 seconds. */
export interface TotpCodes {
  /** 160 random bits in base32. */
  newSecret(): string;
  /** What authenticator apps read from a QR code. */
  uri(secret: string, username: string): string;
  /** The time step that the code is of, if that is the one of the instant, the one before or the one after. */
  stepOf(secret: string, code: string, nowMs: number): number | undefined;
}

/** Keeps secrets readable by this service alone; `owner` is bound to what is sealed. */
export interface SecretSealing {
  seal(owner: string, plain: string): Uint8Array;
  open(owner: string, sealed: Uint8Array): string;
}

export interface RecoveryCodes {
  mint(): { readonly code: string; readonly hash: Uint8Array };
  /** The same for all ways to write a code. */
  hash(code: string): Uint8Array;
}

/** The first factor of an account brings recovery codes with it, and the last one takes them away. */
export interface FirstFactorCodes {
  /** Hashes of those to store if the account had no second factor. */
  readonly recoveryCodes: readonly Uint8Array[];
  /** The session in which the factor was shown: it counts as opened with it. */
  readonly sessionId: string;
}

export interface FactorStore {
  summary(userId: string): Promise<FactorSummary>;
  /** Notes the secret of an app that is being set up, in place of another such. */
  beginTotp(totp: { userId: string; sealedSecret: Uint8Array; atMs: number }): Promise<void>;
  /** The sealed secret of the app in use, or of the one that is being set up. */
  findTotp(
    userId: string,
    confirmed: boolean,
  ): Promise<{ readonly sealedSecret: Uint8Array; readonly createdAtMs: number } | undefined>;
  /**
   * Puts the app that was being set up in the place of the one in use; its code of `step` is used up by that. Undefined,
   * with nothing changed, when another set-up has begun meanwhile or the account is not active.
   */
  confirmTotp(
    totp: { userId: string; sealedSecret: Uint8Array; step: number; atMs: number } & FirstFactorCodes,
  ): Promise<{ readonly first: boolean } | undefined>;
  /** Uses up the code of a step, in one statement; false when it, or one of a later step, was used before. */
  claimTotpStep(totp: { userId: string; sealedSecret: Uint8Array; step: number; atMs: number }): Promise<boolean>;
  /** False when there was none. */
  removeTotp(userId: string): Promise<boolean>;
  /** Uses the code up, in one statement, and says how many are left; undefined when there is no such code. */
  takeRecoveryCode(userId: string, codeHash: Uint8Array): Promise<number | undefined>;
  /** False, with none stored, when the account has no second factor. */
  replaceRecoveryCodes(userId: string, codeHashes: readonly Uint8Array[]): Promise<boolean>;
}

/** A WebAuthn credential, as it is verified. */
export interface PasskeyCredential {
  /** base64url */
  readonly credentialId: string;
  /** COSE */
  readonly publicKey: Uint8Array;
  readonly counter: number;
  readonly transports: readonly string[];
  readonly backedUp: boolean;
}

export interface Passkey extends PasskeyCredential {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly lastUsedAtMs: number | undefined;
}

export interface PasskeyStore {
  /** "known" when the credential is registered already, with whomever; "too_many" beyond `most` of one account. */
  add(
    passkey: Passkey & FirstFactorCodes,
    most: number,
  ): Promise<{ readonly first: boolean } | "known" | "too_many" | "account_closed">;
  /** The oldest first. */
  list(userId: string): Promise<readonly Passkey[]>;
  find(credentialId: string): Promise<Passkey | undefined>;
  /**
   * Notes a use with the authenticator's counter, in one statement; false when the counter did not grow, unless it is
   * one that never does (0 and 0), or when the passkey was removed.
   */
  claimUse(use: { id: string; counter: number; backedUp: boolean; atMs: number }): Promise<boolean>;
  rename(id: string, userId: string, name: string): Promise<Passkey | undefined>;
  /** What was removed; "last" and nothing removed where nothing else lets the user in. */
  remove(id: string, userId: string): Promise<Passkey | "last" | undefined>;
}

export interface PasskeyUser {
  readonly userId: string;
  readonly username: string;
  readonly displayName: string;
}

/** What an authenticator's answer proves; otherwise why it proves nothing, for the trail. */
export type Checked<T> = ({ readonly good: true } & T) | { readonly good: false; readonly why: string };

/** The WebAuthn protocol, for one relying party. User verification is always demanded. */
export interface WebAuthn {
  registrationOptions(challenge: string, user: PasskeyUser, existing: readonly Passkey[]): Promise<JsonObject>;
  /** Of any passkey, or of those that are allowed. */
  requestOptions(challenge: string, allowed: readonly Passkey[] | undefined): Promise<JsonObject>;
  /** The challenge that a response answers, as it says itself. */
  challengeOf(response: JsonObject): string | undefined;
  /** The user that a response names as its own (the user handle). */
  userIdOf(response: JsonObject): string | undefined;
  checkRegistration(
    response: JsonObject,
    challenge: string,
  ): Promise<Checked<{ readonly credential: PasskeyCredential }>>;
  /** Does not look at the counter of before: that is for `PasskeyStore.claimUse`, once the signature is known to be good. */
  checkAssertion(
    response: JsonObject,
    challenge: string,
    passkey: Passkey,
  ): Promise<Checked<{ readonly counter: number; readonly backedUp: boolean }>>;
}

export type ChallengePurpose = "second_factor" | "passkey_login" | "passkey_registration";

/** Something random that has to be answered, once and soon. */
export interface NewChallenge {
  readonly challengeHash: Uint8Array;
  readonly expiresAtMs: number;
  readonly of:
    | { readonly purpose: "passkey_login" }
    | { readonly purpose: "passkey_registration"; readonly userId: string }
    /** `passwordHash`: that of the account at the first step, empty without a password. */
    | { readonly purpose: "second_factor"; readonly userId: string; readonly passwordHash: string };
}

export interface ChallengeStore {
  /** False, with nothing stored, when the account is not active or has another password by now. */
  put(challenge: NewChallenge): Promise<boolean>;
  /** The second step that the challenge is of, if it is good at the instant and the account's password still the same. */
  findSecondFactor(
    challengeHash: Uint8Array,
    atMs: number,
  ): Promise<{ readonly userId: string; readonly passwordHash: string } | undefined>;
  /** Uses a good one up; undefined when there is none, or somebody else was first. `userId` is empty for a passkey login. */
  take(
    purpose: ChallengePurpose,
    challengeHash: Uint8Array,
    atMs: number,
  ): Promise<{ readonly userId: string } | undefined>;
}
