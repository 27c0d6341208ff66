import { errorOfAnswer, RealtimeError } from "./errors.ts";
import type { Settle } from "./link.ts";

/*
 * What this client publishes, each at most once: it is sent on the connection that is open, or not at all, and is never sent
 * again. Who loses the connection before the answer is told so, and decides.
 */

export interface Publish {
  readonly channel: string;
  readonly data: unknown;
  /** What it is about, where the newest of each key counts. */
  readonly key?: string | undefined;
}

/** Called once; without an error when the server has accepted it. */
export type SettlePublish = (error: RealtimeError | undefined) => void;

/** That wait for their answer, or for their turn on a connection that may send so many frames in a second. */
const mostOpen = 256;

export class Publisher {
  readonly #request: (command: string, body: object, settle: Settle) => void;
  readonly #open = new Set<SettlePublish>();
  #isConnected = false;

  constructor(request: (command: string, body: object, settle: Settle) => void) {
    this.#request = request;
  }

  connected(): void {
    this.#isConnected = true;
  }

  /** Tells all that wait. */
  disconnected(): void {
    this.#isConnected = false;
    const open = [...this.#open];
    this.#open.clear();
    for (const settle of open) {
      settle(new RealtimeError("disconnected", "the connection ended before the answer; it may have been published"));
    }
  }

  publish(publish: Publish, settle: SettlePublish): void {
    if (!this.#isConnected) {
      settle(new RealtimeError("disconnected", "there is no connection; nothing was published"));
      return;
    }
    if (this.#open.size >= mostOpen) {
      const message = `${mostOpen} publications wait for their answer`;
      settle(new RealtimeError("rate_limited", message, { reason: "TOO_MANY_WAIT", retryAfterMs: 1000 }));
      return;
    }
    this.#open.add(settle);
    this.#request("publish", publish, (answer) => {
      if (this.#open.delete(settle)) {
        settle(
          answer === undefined
            ? new RealtimeError("timed_out", "no answer came; it may have been published")
            : answer.ok
              ? undefined
              : errorOfPublish(answer),
        );
      }
    });
  }
}

function errorOfPublish(answer: Parameters<typeof errorOfAnswer>[0]): RealtimeError {
  const { code, message, reason, retryAfterMs } = answer;
  return code === "resource_exhausted"
    ? new RealtimeError("rate_limited", message, { reason, retryAfterMs })
    : errorOfAnswer(answer);
}
