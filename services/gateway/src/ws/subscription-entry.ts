import { Code, ConnectError } from "@connectrpc/connect";
import type { Channel } from "./channel.ts";
import type { LiveListener } from "./live-feed.ts";
import type { LiveMessage } from "./live-message.ts";
import type { Subscription } from "./subscription.ts";

/** What one connection has with one channel, from the moment it asks for it. */
export interface SubscriptionEntry {
  readonly subscription: Subscription;
  /** Whether the channel was given up. */
  ended: boolean;
  /** Aborts the look-up of the permission that is under way. */
  asking: AbortController | undefined;
  /** Whether the connection is to be shown in the channel. */
  shown: boolean;
  active: boolean;
  /** Whether the connection may publish in the channel. */
  publishes: boolean;
  failedRechecks: number;
  watch: AccessWatch | undefined;
}

/** Hears of changes of the project that a permission hangs on. */
export class AccessWatch implements LiveListener {
  readonly channel: Channel;
  readonly #owner: { accessChanged(): void };

  constructor(channel: Channel, owner: { accessChanged(): void }) {
    this.channel = channel;
    this.#owner = owner;
  }

  message({ changesAccess }: LiveMessage): void {
    if (changesAccess) {
      this.#owner.accessChanged();
    }
  }

  /** All connections would ask at once, of services that have just had trouble: the next round is soon enough. */
  gap(): void {}
}

/** What a subscriber is told of the end. */
interface Ending {
  readonly code: string;
  readonly message: string;
}

export const insufficientState: Ending = {
  code: "insufficient_state",
  message: "publications were lost; subscribe again with your position, and load the state if it is not recovered",
};

/** Rounds of failed look-ups of the permission after which a subscription ends. */
const maxFailedRechecks = 5;

/** Whether a subscription ends as its permission was looked for again in vain, so often in a row: at once when it is denied. */
export function endsAccess(error: unknown, failedRechecks: number): boolean {
  const { code } = ConnectError.from(error);
  const isDenied = code === Code.NotFound || code === Code.PermissionDenied || code === Code.Unauthenticated;
  return isDenied || failedRechecks >= maxFailedRechecks;
}
