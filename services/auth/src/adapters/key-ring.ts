/**
 * The signing keys of this instance: loaded from the store, opened, and planned by `domain/signing-keys.ts`.
 *
 * All instances read the same rows and follow the same plan, so they agree without talking to each other; making a key
 * and removing expired ones happens under the store's lock. A reload that fails changes nothing: the keys at hand stay
 * good for a long time. Reading a key id that is unknown reloads at once (another instance may have made it), at most
 * every five seconds.
 */
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import type { AccessTokenClaims, IdSource, TokenIssuer, WallClock } from "../domain/ports.ts";
import { type KeyLifeOptions, type KeyPlan, planKeys } from "../domain/signing-keys.ts";
import { accessTokenProfile } from "../verifier/access-token.ts";
import type { PublicJwk } from "../verifier/jwks-cache.ts";
import type { KeySealing } from "./key-sealing.ts";

/** A signing key as it is stored. */
export interface StoredKey {
  readonly kid: string;
  readonly createdAtMs: number;
  readonly publicJwk: PublicJwk;
  readonly sealedPrivateJwk: Uint8Array;
}

export interface SigningKeyStore {
  list(): Promise<readonly StoredKey[]>;
  /** Runs `change` on the current keys while no other instance can; stores what it adds and drops what it removes. */
  change(
    change: (keys: readonly StoredKey[]) => Promise<{ add: readonly StoredKey[]; remove: readonly string[] }>,
  ): Promise<void>;
}

export interface KeyRingOptions {
  readonly store: SigningKeyStore;
  readonly sealing: KeySealing;
  readonly life: KeyLifeOptions;
  readonly clock: WallClock;
  readonly ids: IdSource;
}

interface LoadedKey {
  readonly kid: string;
  readonly createdAtMs: number;
  readonly publicJwk: PublicJwk;
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

const unknownKeyReloadMs = 5_000;

export class KeyRing implements TokenIssuer {
  readonly #options: KeyRingOptions;
  #keys = new Map<string, LoadedKey>();
  #loadedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  /** Makes the first key if there is none. Rejects when a stored key cannot be opened with the secret. */
  static async open(options: KeyRingOptions): Promise<KeyRing> {
    const ring = new KeyRing(options);
    await ring.maintain();
    return ring;
  }

  /** Makes a key when one is due, forgets what nothing needs, and loads the rest. For a job, every minute. */
  async maintain(): Promise<void> {
    const { store, clock, life } = this.#options;
    const plan = planKeys(await store.list(), clock.now(), life);
    if (plan.rotationDue || plan.expired.length > 0) {
      await store.change(async (keys) => {
        const { rotationDue, expired } = planKeys(keys, clock.now(), life);
        return { add: rotationDue ? [await this.#makeKey()] : [], remove: expired.map((key) => key.kid) };
      });
    }
    await this.#load();
  }

  async issue(claims: AccessTokenClaims): Promise<string> {
    const key = this.#plan().signing;
    if (key === undefined) {
      throw new Error("there is no signing key");
    }
    const issuedAt = Math.floor(claims.issuedAtMs / 1000);
    const { issuer, audience, algorithm, type, notBeforeSlackSeconds } = accessTokenProfile;
    const { sessionId: sid, username, roles, scopes } = claims;
    // As RFC 9068 writes them: one text with spaces between.
    const scope = scopes === undefined ? {} : { scope: scopes.join(" ") };
    return new SignJWT({ sid, username, roles: [...roles], ...scope })
      .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: type })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(claims.userId)
      .setJti(this.#options.ids.id())
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt - notBeforeSlackSeconds)
      .setExpirationTime(Math.floor(claims.expiresAtMs / 1000))
      .sign(key.privateKey);
  }

  /** The public key with the id, as `checkAccessToken` wants it. */
  async find(kid: string): Promise<CryptoKey | undefined> {
    if (!this.#keys.has(kid) && this.#options.clock.now() - this.#loadedAtMs >= unknownKeyReloadMs) {
      await this.#load();
    }
    return this.#plan().verifying.find((key) => key.kid === kid)?.publicKey;
  }

  /** Whether the key is here, which it is until the last of its tokens has expired or somebody takes it away. */
  has(kid: string): boolean {
    return this.#keys.has(kid);
  }

  /** What verifiers may know: every key that verifies now. */
  publicKeys(): readonly PublicJwk[] {
    return this.#plan().verifying.map((key) => key.publicJwk);
  }

  #plan(): KeyPlan<LoadedKey> {
    return planKeys([...this.#keys.values()], this.#options.clock.now(), this.#options.life);
  }

  async #load(): Promise<void> {
    const { store, sealing, clock } = this.#options;
    const rows = await store.list();
    const loaded = new Map<string, LoadedKey>();
    for (const row of rows) {
      loaded.set(row.kid, this.#keys.get(row.kid) ?? (await openKey(row, sealing)));
    }
    this.#keys = loaded;
    this.#loadedAtMs = clock.now();
  }

  async #makeKey(): Promise<StoredKey> {
    const { sealing, clock, ids } = this.#options;
    const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const kid = ids.id();
    const { kty, crv, x } = await exportJWK(publicKey);
    if (kty === undefined || crv === undefined || x === undefined) {
      throw new Error("the generated key cannot be exported");
    }
    const sealedPrivateJwk = sealing.seal(kid, JSON.stringify(await exportJWK(privateKey)));
    return { kid, createdAtMs: clock.now(), publicJwk: { kty, crv, x, kid }, sealedPrivateJwk };
  }
}

async function openKey(row: StoredKey, sealing: KeySealing): Promise<LoadedKey> {
  const { kid, createdAtMs, publicJwk } = row;
  const privateJwk = JSON.parse(sealing.open(kid, row.sealedPrivateJwk)) as JWK;
  const publicKey = (await importJWK({ ...publicJwk }, accessTokenProfile.algorithm)) as CryptoKey;
  const privateKey = (await importJWK(privateJwk, accessTokenProfile.algorithm)) as CryptoKey;
  return { kid, createdAtMs, publicJwk, publicKey, privateKey };
}
