import { randomBytes } from "node:crypto";
import { hash, type Options, verify } from "@node-rs/argon2";
import type { PasswordHasher } from "../domain/ports.ts";
import { createConcurrencyLimit } from "./concurrency-limit.ts";

/** OWASP's least for argon2id: 19 MiB, two passes, one lane; about 40 ms of one core. 2 is argon2id. */
const cost: Options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export interface Argon2Options {
  /** Hashes at the same time. Default 2: half of libuv's four threads. */
  readonly running?: number;
  /** Hashes that may wait; at 2 running and 40 ms each, 100 wait about 2 s. Default 100. */
  readonly waiting?: number;
}

/** Hashes with argon2id behind a concurrency limit; the decoy hash is of random bytes that nobody knows. */
export async function createArgon2PasswordHasher(options: Argon2Options = {}): Promise<PasswordHasher> {
  const limited = createConcurrencyLimit(options.running ?? 2, options.waiting ?? 100);
  const decoy = await hash(randomBytes(32), cost);
  return {
    hash: (password) => limited(() => hash(password, cost)),
    verify: (stored, password) => limited(() => verify(stored, password)),
    async verifyDecoy(password) {
      await limited(() => verify(decoy, password));
    },
  };
}
