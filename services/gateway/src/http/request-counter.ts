/** Counts the requests being answered, so that a drain can wait for them. */
export class RequestCounter {
  #inFlight = 0;
  #waiting: (() => void)[] = [];

  get inFlight(): number {
    return this.#inFlight;
  }

  began(): void {
    this.#inFlight += 1;
  }

  /** Once for each that began. */
  ended(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) {
        resolve();
      }
    }
  }

  /** Resolves when nothing is being answered. */
  idle(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}
