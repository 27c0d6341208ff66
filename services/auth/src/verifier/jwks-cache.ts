/**
 * The public keys of the auth service, kept close. They are fetched once, again when they are older than a minute (the
 * old ones serve while that runs or fails), and when a token names a key that is not among them. The last is limited to
 * once per five seconds, as anybody can write any key id into a token; honest tokens do not need it, for a key is
 * published minutes before it signs. One fetch at a time, shared by all who wait.
 */

import type { Clock } from "@weft/mesh";
import { type CryptoKey, importJWK } from "jose";

/** The members of a JSON Web Key that matter here. */
export interface PublicJwk {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly kid: string;
}

export interface JwksCacheOptions {
  readonly fetchKeys: () => Promise<readonly PublicJwk[]>;
  readonly clock: Clock;
  /** Age at which the keys are fetched again. Default 60 s; below the announcement time of a new key. */
  readonly maxAgeMs?: number;
  /** Least time between fetches for the sake of an unknown key, or after a failure. Default 5 s. */
  readonly refetchIntervalMs?: number;
}

export class JwksCache {
  readonly #fetchKeys: () => Promise<readonly PublicJwk[]>;
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #refetchIntervalMs: number;
  #keys: ReadonlyMap<string, CryptoKey> | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  constructor(options: JwksCacheOptions) {
    this.#fetchKeys = options.fetchKeys;
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxAgeMs ?? 60_000;
    this.#refetchIntervalMs = options.refetchIntervalMs ?? 5_000;
  }

  /** The key with the id, or undefined when the auth service has none. Throws when no keys could ever be fetched. */
  async find(kid: string): Promise<CryptoKey | undefined> {
    if (this.#keys === undefined) {
      await this.#fetch();
    }
    if (!this.has(kid) && this.#mayTry(this.#clock.monotonicMs())) {
      await this.#fetch();
    }
    return this.#keys?.get(kid);
  }

  /** Whether the key is at hand; lets old ones be fetched again, as `find` does. */
  has(kid: string): boolean {
    if (this.#keys?.has(kid) !== true) {
      return false;
    }
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#fetchedAtMs >= this.#maxAgeMs && this.#mayTry(nowMs)) {
      // In the background: the key at hand is good, and a failure is tried again later.
      this.#fetch().catch(() => undefined);
    }
    return true;
  }

  #mayTry(nowMs: number): boolean {
    return nowMs - this.#triedAtMs >= this.#refetchIntervalMs;
  }

  #fetch(): Promise<void> {
    this.#fetching ??= this.#load().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #load(): Promise<void> {
    this.#triedAtMs = this.#clock.monotonicMs();
    const keys = new Map<string, CryptoKey>();
    for (const { kty, crv, x, kid } of await this.#fetchKeys()) {
      if (kty === "OKP" && crv === "Ed25519") {
        keys.set(kid, (await importJWK({ kty, crv, x }, "EdDSA")) as CryptoKey);
      }
    }
    this.#keys = keys;
    this.#fetchedAtMs = this.#clock.monotonicMs();
  }
}
