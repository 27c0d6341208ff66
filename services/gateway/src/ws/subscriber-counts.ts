/** How many subscribers each channel has in this process; each is sent every message, so there is a limit to them. */
export class SubscriberCounts {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts one more; false when there are too many. Each true is followed by one `release`. */
  take(channel: string): boolean {
    const count = this.#counts.get(channel) ?? 0;
    if (count >= this.#most) {
      return false;
    }
    this.#counts.set(channel, count + 1);
    return true;
  }

  release(channel: string): void {
    const count = (this.#counts.get(channel) ?? 0) - 1;
    if (count > 0) {
      this.#counts.set(channel, count);
    } else {
      this.#counts.delete(channel);
    }
  }
}
