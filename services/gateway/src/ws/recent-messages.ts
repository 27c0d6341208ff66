import type { LiveMessage } from "./live-message.ts";

/**
 * The last messages of a recoverable channel, without a hole. Clients that lose their connection are back after a second and
 * have missed a message or none: with these a gateway's restart does not become a reading of Redis for each of them.
 */
export class RecentMessages {
  #messages: LiveMessage[] = [];

  /** The next one of the channel. */
  push(message: LiveMessage): void {
    this.#messages.push(message);
    if (this.#messages.length > maxMessages) {
      this.#messages.shift();
    }
  }

  clear(): void {
    this.#messages = [];
  }

  /** All behind `offset`, oldest first; undefined when some of them are not here. */
  after(offset: number): readonly LiveMessage[] | undefined {
    const oldest = this.#messages[0]?.position?.offset;
    const at = oldest === undefined ? -1 : offset + 1 - oldest;
    return at < 0 || at > this.#messages.length ? undefined : this.#messages.slice(at);
  }
}

/** A minute of a project that several people work on. */
const maxMessages = 64;
