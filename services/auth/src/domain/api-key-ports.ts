/** What API keys and service accounts need from outside; see `ports.ts` for what holds of all ports. */

/** A key as it is stored; of its secret there is a hash. */
export interface ApiKey {
  readonly id: string;
  /** Who made it and may revoke it. */
  readonly ownerId: string;
  /** Whom it acts as: its owner, or a service account of theirs. */
  readonly subjectId: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly lastUsedAtMs: number | undefined;
  readonly revokedAtMs: number | undefined;
}

/** A key that has just been made, with what only its maker is told. */
export interface MintedApiKey {
  readonly id: string;
  readonly key: string;
  readonly hash: Uint8Array;
}

export interface ApiKeyMint {
  mint(): MintedApiKey;
  /** What a key is recognized by; undefined for what cannot be a key. */
  hash(key: string): Uint8Array | undefined;
}

/** "added", or why it was not. */
export type Addition = "added" | "too_many" | "name_taken" | "owner_unknown";

export interface ApiKeyStore {
  /** Adds a key unless its owner has `most` that are good, is not active, or the service account is not theirs. */
  add(key: ApiKey, hash: Uint8Array, most: number): Promise<Exclude<Addition, "name_taken">>;
  findByHash(hash: Uint8Array): Promise<ApiKey | undefined>;
  /** Keys of the owner that were not revoked, the newest first. */
  list(ownerId: string): Promise<readonly ApiKey[]>;
  /** Revokes a key of the owner. "unknown" when it is not theirs, false when it was revoked before. */
  revoke(keyId: string, ownerId: string, atMs: number): Promise<boolean | "unknown">;
  /** Whether tokens of the key are good. */
  isLive(keyId: string, atMs: number): Promise<boolean>;
  /** Notes a use, at most once a minute and network. True when the key was not used from that network lately. */
  noteUse(keyId: string, network: string, atMs: number): Promise<boolean>;
}

export interface ServiceAccount {
  readonly userId: string;
  readonly ownerId: string;
  readonly name: string;
  readonly createdAtMs: number;
}

export interface ServiceAccountStore {
  /** Adds an account that can act and never log in, unless its owner has `most`, one of that name, or is not active. */
  add(account: ServiceAccount, most: number): Promise<Addition>;
  list(ownerId: string): Promise<readonly ServiceAccount[]>;
  find(userId: string): Promise<ServiceAccount | undefined>;
  /**
   * Removes an account of the owner with its roles and revokes its keys, in one transaction; returns the keys that this
   * ended, undefined when there is no such account of theirs.
   */
  remove(userId: string, ownerId: string, atMs: number): Promise<readonly string[] | undefined>;
}
