/** What login through providers needs from outside; instants are epoch milliseconds. */

/** Who somebody is at a provider. Only the two together name a person (OpenID Connect Core 1.0, 5.7). */
export interface ProviderSubject {
  readonly issuer: string;
  readonly subject: string;
}

/** What a provider says of a person; empty where it says nothing. */
export interface ProviderProfile {
  readonly email: string;
  /** That the provider says so, and is trusted to. */
  readonly emailVerified: boolean;
  readonly preferredUsername: string;
  readonly firstName: string;
  readonly lastName: string;
}

/** Somebody whom a provider vouches for. */
export interface ProviderPerson extends ProviderSubject {
  /** May ask the provider. Throws "provider_unavailable" or "provider_refused". */
  profile(): Promise<ProviderProfile>;
}

/** What a login is recognized by on its way through the provider. */
export interface DanceSecrets {
  readonly state: string;
  readonly nonce: string;
  /** Of the proof key (PKCE, RFC 7636). */
  readonly verifier: string;
}

/** What the provider sent the browser back with. */
export interface ProviderAnswer {
  readonly code: string;
  readonly state: string;
  readonly iss: string;
  readonly error: string;
}

/** An OpenID provider that is configured. Its methods throw "provider_unavailable" when it cannot be reached. */
export interface IdentityProvider {
  readonly name: string;
  readonly label: string;
  readonly issuer: string;
  authorizationUrl(redirectUri: string, secrets: DanceSecrets): Promise<string>;
  /** Exchanges the code; throws "provider_refused" unless everything that came back is for this login. */
  exchange(answer: ProviderAnswer, redirectUri: string, secrets: DanceSecrets): Promise<ProviderPerson>;
}

/** The token that a client keeps during a login, and what is derived from it and from nothing else. */
export interface DanceTokens {
  mint(): string;
  hash(token: string): Uint8Array;
  secrets(token: string): DanceSecrets;
}

/** A login that a provider has still to answer. */
export interface PendingDance {
  readonly tokenHash: Uint8Array;
  readonly provider: string;
  readonly redirectUri: string;
  /** Whose session asked to link the provider; undefined for a login. */
  readonly owner: { readonly userId: string; readonly sessionId: string } | undefined;
  readonly expiresAtMs: number;
}

export interface DanceStore {
  put(dance: PendingDance): Promise<void>;
  /** Uses it up; undefined when there is none that is good at the instant, or somebody else was first. */
  take(tokenHash: Uint8Array, atMs: number): Promise<PendingDance | undefined>;
}

/** A provider's person that can log in to an account. */
export interface LinkedIdentity extends ProviderSubject {
  readonly userId: string;
  /** What the provider called them by when it was linked; only shown. */
  readonly email: string;
  readonly linkedAtMs: number;
  readonly lastUsedAtMs: number | undefined;
}

export interface IdentityStore {
  /** The active account of the person; notes the use. */
  use(person: ProviderSubject, atMs: number): Promise<string | undefined>;
  /**
   * "known" when it is linked to the account already; "taken" when to another one; "other" when the account has another
   * identity of this issuer. Throws "user_unknown" for an account that is not active.
   */
  link(identity: Omit<LinkedIdentity, "lastUsedAtMs">): Promise<"linked" | "known" | "taken" | "other">;
  list(userId: string): Promise<readonly LinkedIdentity[]>;
  /**
   * Removes the identity of that issuer unless nothing else would let its owner in: a password, a passkey, or an identity of
   * one of the `usable` issuers.
   */
  unlink(userId: string, issuer: string, usable: readonly string[]): Promise<"removed" | "absent" | "last">;
}

/** With which an account begins that has no password. */
export interface FirstIdentity extends ProviderSubject {
  readonly email: string;
  /** Counts as proved by its owner. */
  readonly emailVerified: boolean;
}
