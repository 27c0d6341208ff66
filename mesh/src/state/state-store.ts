/** One stored value. */
export interface StateEntry {
  /** What was stored, as JSON carries it. */
  readonly value: unknown;
  /** Grows with every change of the key; starts at 1 when the key is new. */
  readonly version: number;
}

export interface SetOptions {
  /** Time to live; for ever when absent. */
  readonly ttlMs?: number;
  /** Write only if this is the present version; 0 means that the key must be absent. */
  readonly ifVersion?: number;
}

/** The key has another version than `ifVersion` said: read it again and decide anew. */
export class StateConflictError extends Error {
  override readonly name = "StateConflictError";
  constructor(key: string, ifVersion: number) {
    super(`state "${key}" no longer has version ${ifVersion}`);
  }
}

/**
 * Durable values by key (MESH-17): what a service must remember that is no entity of its domain, such as the time of the
 * last run or the answer to an idempotency key. An expired entry counts as absent.
 */
export interface StateStore {
  get(key: string): Promise<StateEntry | undefined>;
  /** Writes any JSON value and gives its new version. Rejects with `StateConflictError`. */
  set(key: string, value: unknown, options?: SetOptions): Promise<number>;
  /** True when there was something to delete. */
  delete(key: string): Promise<boolean>;
  /**
   * Writes unless the key is present; of several at once, one writes. Gives the entry that is stored now and whether it
   * is this one: the base of idempotency keys.
   */
  putIfAbsent(
    key: string,
    value: unknown,
    options?: Pick<SetOptions, "ttlMs">,
  ): Promise<{ readonly stored: boolean; readonly entry: StateEntry }>;
  /** Removes expired entries and gives their number. */
  purgeExpired(): Promise<number>;
}

const MAX_KEY_LENGTH = 512;
/** 1 MiB: state is for small facts. */
const MAX_VALUE_BYTES = 1024 * 1024;

/** The value as JSON text. Throws `RangeError` naming the field and the limit. */
export function encodeState(key: string, value: unknown, ttlMs: number | undefined): string {
  if (key.length < 1 || key.length > MAX_KEY_LENGTH) {
    throw new RangeError(`key: ${key.length} characters, 1 to ${MAX_KEY_LENGTH} are allowed`);
  }
  if (ttlMs !== undefined && !(ttlMs > 0)) throw new RangeError(`ttlMs: ${ttlMs} is not above 0`);
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new RangeError("value: JSON cannot carry it");
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_VALUE_BYTES) throw new RangeError(`value: ${bytes} bytes exceed the limit of ${MAX_VALUE_BYTES}`);
  return text;
}
