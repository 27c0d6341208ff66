/*
 * A map that forgets: at most `most` entries, and, once there are new ones, none that nobody has asked for in two generations. Two maps are enough for
 * that: what is asked for moves to the young one, and when that is full or old it becomes the old one, whose entries are
 * dropped. A flood of addresses therefore costs a bounded amount of memory, and no sweep ever stops the process.
 */
export class RecentBudgets<Value> {
  readonly #most: number;
  readonly #generationMs: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();
  #startedAtMs = 0;

  constructor(options: { readonly most: number; readonly generationMs: number }) {
    this.#most = options.most;
    this.#generationMs = options.generationMs;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The entry, made if there is none. */
  get(key: string, nowMs: number, make: () => Value): Value {
    const young = this.#young.get(key);
    if (young !== undefined) {
      return young;
    }
    if (this.#young.size >= this.#most / 2 || nowMs - this.#startedAtMs > this.#generationMs) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#startedAtMs = nowMs;
    }
    const value = this.#old.get(key) ?? make();
    this.#old.delete(key);
    this.#young.set(key, value);
    return value;
  }
}
