/** Counts the requests being answered, so that a drain can wait for them. */
export class RequestCounter {
  #inFlight = 0;
  #waiting: (() => void)[] = [];

  get inFlight(): number {
    return this.#inFlight;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await work();
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0) {
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const resolve of waiting) {
          resolve();
        }
      }
    }
  }

  /** Resolves when nothing is being answered. */
  idle(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
