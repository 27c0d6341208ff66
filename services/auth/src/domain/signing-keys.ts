/**
 * The life of signing keys as a pure function of their ages. A new key is announced (it verifies and is in the key set)
 * before it signs, so verifiers have fetched it before they meet its first token; only the very first key signs at once.
 * The newest key whose announcement is over signs. A superseded key goes on verifying until the last token it signed has
 * expired, counting in the time an instance may take to notice that another key signs now, and is then forgotten.
 */

export interface KeyLifeOptions {
  /** Age at which a new key is made to follow the newest. */
  readonly rotateAfterMs: number;
  /** How long a key is published before it signs; more than the key set is cached by verifiers. */
  readonly announceMs: number;
  /** Life of an access token. */
  readonly accessTokenMs: number;
  /** How long an instance may go on with what it has loaded. */
  readonly reloadLagMs: number;
}

export interface KeyAge {
  readonly kid: string;
  readonly createdAtMs: number;
}

export interface KeyPlan<K extends KeyAge> {
  /** The key that signs; undefined only when there is none at all. */
  readonly signing: K | undefined;
  /** Keys that verify, newest first. */
  readonly verifying: readonly K[];
  /** Keys that nothing needs any more. */
  readonly expired: readonly K[];
  /** Whether a new key is due. */
  readonly rotationDue: boolean;
}

export function planKeys<K extends KeyAge>(keys: readonly K[], nowMs: number, options: KeyLifeOptions): KeyPlan<K> {
  // Equal ages are ordered by id, so that every instance picks the same key.
  const newestFirst = [...keys].sort((a, b) => b.createdAtMs - a.createdAtMs || (a.kid < b.kid ? -1 : 1));
  const announced = newestFirst.find((key) => nowMs >= key.createdAtMs + options.announceMs);
  const signing = announced ?? newestFirst.at(-1);
  const keepForMs = options.announceMs + options.accessTokenMs + options.reloadLagMs;
  const verifying: K[] = [];
  const expired: K[] = [];
  newestFirst.forEach((key, index) => {
    const followed = newestFirst[index - 1];
    const needed = followed === undefined || nowMs < followed.createdAtMs + keepForMs;
    (needed ? verifying : expired).push(key);
  });
  const newest = newestFirst[0];
  const rotationDue = newest === undefined || nowMs - newest.createdAtMs >= options.rotateAfterMs;
  return { signing, verifying, expired, rotationDue };
}
