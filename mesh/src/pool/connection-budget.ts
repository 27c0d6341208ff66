/**
 * The ceiling on connections of one process, over all its pools (POOL-05, POOL-06): asked before any dial, so that a
 * registry gone wild or a burst cannot exhaust file descriptors.
 */
export class ConnectionBudget {
  readonly limit: number;
  #allocated = 0;

  /** 1000 when absent (POOL-05). */
  constructor(limit = 1000) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError(`the connection limit is ${limit}; it takes a whole number from 1`);
    }
    this.limit = limit;
  }

  get allocated(): number {
    return this.#allocated;
  }

  /** Takes one; false when the ceiling is reached. */
  tryAllocate(): boolean {
    if (this.#allocated >= this.limit) {
      return false;
    }
    this.#allocated += 1;
    return true;
  }

  /** Gives one back. Each allocation is released once, when its connection has closed. */
  release(): void {
    if (this.#allocated === 0) {
      throw new Error("more connections were released than allocated");
    }
    this.#allocated -= 1;
  }
}
