/**
 * Lets a password be tried, or says how long to wait. An attempt is counted before the password is verified and taken
 * back when it was right: counted afterwards, a thousand guesses at once would all be verified before the first of them
 * counts. So attempts that are under way count as wrong ones for a moment, which the free ones cover.
 */
import type { CountedKey } from "./attempt-limits.ts";
import type { AttemptCounter, WallClock } from "./ports.ts";

/** What came of a verification, in the hands of whoever let it happen. */
export type Verdict<T> = { readonly right: true; readonly value: T } | { readonly right: false };

export type GuardedVerdict<T> =
  | { readonly right: true; readonly value: T }
  | {
      readonly right: false;
      /** False: it had to wait, and was not verified. */
      readonly verified: boolean;
      /** How long until the next attempt is verified; 0 for at once. */
      readonly waitMs: number;
    };

export class AttemptGuard {
  readonly #counter: AttemptCounter;
  readonly #clock: WallClock;

  constructor(counter: AttemptCounter, clock: WallClock) {
    this.#counter = counter;
    this.#clock = clock;
  }

  /** Verifies unless one of the keys has to wait. What `verify` throws is no wrong password and is taken back. */
  async attempt<T>(keys: readonly CountedKey[], verify: () => Promise<Verdict<T>>): Promise<GuardedVerdict<T>> {
    const { admitted, waitMs } = await this.#counter.take(keys, this.#clock.now());
    if (!admitted) {
      return { right: false, verified: false, waitMs };
    }
    let verdict: Verdict<T>;
    try {
      verdict = await verify();
    } catch (error) {
      await this.#counter.takeBack(keys);
      throw error;
    }
    if (!verdict.right) {
      return { right: false, verified: true, waitMs };
    }
    // A network is shared: were its count forgotten, whoever has one account could guess at all others without end.
    const shared = (key: CountedKey) => key.kind === "network" || key.kind === "apiKeyFromNetwork";
    await Promise.all([
      this.#counter.forget(keys.filter((key) => !shared(key))),
      this.#counter.takeBack(keys.filter(shared)),
    ]);
    return verdict;
  }
}
