import { reconnectDelayMs } from "./backoff.ts";
import type { Timer } from "./clock.ts";
import { RealtimeError } from "./errors.ts";
import type { Resolved } from "./options.ts";
import { type Presence, presenceBetween } from "./presence.ts";
import type { Position, Present } from "./protocol.ts";

/*
 * One who hears a channel, with or without a state to keep. With `getState`, a loss (and so the beginning) loads the state:
 * the feed's position is fixed before that, and what comes meanwhile waits, so nothing falls between state and feed. What the
 * loaded state contains already, `covers` can tell. An interruption that is recovered does not disturb a loading: what
 * waits still begins where it began. A loss does: what was being loaded may be older than the new position.
 *
 * Handlers run one at a time and in the order of the channel; what they throw goes to `onError` and changes nothing.
 */

/** How a subscription is doing. */
export type SubscriptionState =
  /** Nothing is heard: it has not begun, or the connection is gone for the moment. */
  | { readonly status: "subscribing" }
  /** `getState` is under way; `error` when it has failed and will be tried again. */
  | { readonly status: "loading"; readonly recovered: false; readonly error?: RealtimeError }
  /**
   * Messages come, behind `position`. `recovered`: none is missing since the last one. Otherwise a state has just been
   * loaded, or, without `getState`, has to be loaded now.
   */
  | { readonly status: "subscribed"; readonly recovered: boolean; readonly position: Position | undefined }
  /** For good. */
  | { readonly status: "ended"; readonly error: RealtimeError };

export interface MessageInfo {
  readonly channel: string;
  /** Of this message, in a channel that remembers; absent for what is live only. */
  readonly position: Position | undefined;
  /** Messages before this one that were left out, as they were read too slowly. */
  readonly skipped: number;
  /** The user who published it, as the server knows them; undefined when it was no client. */
  readonly from: string | undefined;
  /** What of that user it is of: the newest of each key counts. */
  readonly key: string | undefined;
}

export interface SubscriptionHandlers<Message, State> {
  /** Each message of the channel once and in its order. */
  readonly onMessage: (message: Message, info: MessageInfo) => void;
  /** Who is in the channel, and each change of it; for subscriptions whose options say `presence: true`. */
  readonly onPresence?: ((presence: Presence) => void) | undefined;
  readonly onState?: ((state: SubscriptionState) => void) | undefined;
  /** Loads what the messages change. It has to read it after it is called: no older copy. */
  readonly getState?: ((request: { readonly signal: AbortSignal }) => Promise<State>) | undefined;
  /** Takes what `getState` gave, before the messages that came meanwhile. */
  readonly onLoad?: ((state: State) => void) | undefined;
  /** Whether the loaded state contains a message that came while it was loaded; such are left out. */
  readonly covers?: ((state: State, message: Message) => boolean) | undefined;
}

interface Waiting {
  readonly data: unknown;
  readonly info: MessageInfo;
}

interface Loading {
  readonly abort: AbortController;
  waiting: Waiting[];
  /** More came than may wait: what has been loaded is too old. */
  overflown: boolean;
}

export class Subscriber {
  readonly #handlers: SubscriptionHandlers<unknown, unknown>;
  readonly #options: Resolved;
  /** Where the channel is, for this subscriber. */
  readonly #position: () => Position | undefined;
  #state: SubscriptionState = { status: "subscribing" };
  #hasBegun: boolean;
  #loading: Loading | undefined;
  /** What it was told last. */
  #present: Present | undefined;
  #loadFailures = 0;
  #retryTimer: Timer | undefined;

  /** `isCurrent`: it knows everything up to the position that the channel goes on from. */
  constructor(
    handlers: SubscriptionHandlers<unknown, unknown>,
    options: Resolved,
    position: () => Position | undefined,
    isCurrent: boolean,
  ) {
    this.#handlers = handlers;
    this.#options = options;
    this.#position = position;
    this.#hasBegun = isCurrent;
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  get #isEnded(): boolean {
    return this.#state.status === "ended";
  }

  /** Messages come; nothing is missing for who has begun before. */
  resumed(): void {
    if (!this.#hasBegun) {
      this.lost();
    } else if (this.#loading === undefined) {
      this.#become({ status: "subscribed", recovered: true, position: this.#position() });
    } else {
      this.#become({ status: "loading", recovered: false });
    }
  }

  /** Messages come from the channel's position on, and some before it are missing. */
  lost(): void {
    this.#hasBegun = true;
    this.#stopLoading();
    if (this.#handlers.getState === undefined) {
      this.#become({ status: "subscribed", recovered: false, position: this.#position() });
    } else {
      this.#load();
    }
  }

  interrupted(): void {
    if (this.#hasBegun) {
      this.#become({ status: "subscribing" });
    }
  }

  message(data: unknown, info: MessageInfo): void {
    if (!this.#hasBegun || this.#isEnded) {
      return;
    }
    const loading = this.#loading;
    if (loading === undefined) {
      this.#hand(data, info);
    } else if (loading.waiting.length >= this.#options.durations.maxWaitingMessages) {
      loading.waiting = [];
      loading.overflown = true;
    } else if (!loading.overflown) {
      loading.waiting.push({ data, info });
    }
  }

  present({ users, userIds }: Present): void {
    const now = { users, userIds };
    const presence = presenceBetween(this.#present, now);
    this.#present = now;
    if (presence !== undefined && !this.#isEnded) {
      this.#guard(() => this.#handlers.onPresence?.(presence));
    }
  }

  end(error: RealtimeError): void {
    this.#stopLoading();
    this.#become({ status: "ended", error });
  }

  /** Ends without a word. */
  leave(): void {
    this.#stopLoading();
    this.#state = { status: "ended", error: new RealtimeError("closed", "unsubscribed") };
  }

  #load(): void {
    const loading: Loading = { abort: new AbortController(), waiting: [], overflown: false };
    this.#loading = loading;
    this.#become({ status: "loading", recovered: false });
    this.#fetch(loading);
  }

  #fetch(loading: Loading): void {
    const { getState } = this.#handlers;
    Promise.resolve({ signal: loading.abort.signal })
      .then(getState)
      .then(
        (state) => this.#loaded(loading, state),
        (cause: unknown) => this.#failed(loading, cause),
      );
  }

  #loaded(loading: Loading, state: unknown): void {
    if (this.#loading !== loading) {
      return;
    }
    if (loading.overflown) {
      this.#load();
      return;
    }
    this.#loadFailures = 0;
    const { onLoad, covers } = this.#handlers;
    this.#guard(() => onLoad?.(state));
    // Handlers may end all this, and what comes while they run stays behind what has waited.
    for (const { data, info } of loading.waiting) {
      if (this.#loading !== loading) {
        return;
      }
      if (this.#guard(() => covers?.(state, data)) !== true) {
        this.#hand(data, info);
      }
    }
    if (this.#loading === loading) {
      this.#loading = undefined;
      if (this.#state.status === "loading") {
        this.#become({ status: "subscribed", recovered: false, position: this.#position() });
      }
    }
  }

  #failed(loading: Loading, cause: unknown): void {
    if (this.#loading !== loading) {
      return;
    }
    const { platform } = this.#options;
    this.#loadFailures += 1;
    const delayMs = reconnectDelayMs(this.#loadFailures, this.#options);
    this.#retryTimer = platform.clock.setTimer(() => this.#fetch(loading), delayMs);
    if (this.#state.status === "loading") {
      const error = new RealtimeError("load_failed", undefined, { cause });
      this.#become({ status: "loading", recovered: false, error });
    }
  }

  #stopLoading(): void {
    this.#retryTimer?.cancel();
    const loading = this.#loading;
    this.#loading = undefined;
    loading?.abort.abort(new RealtimeError("closed", "what is loaded would be too old"));
  }

  #hand(data: unknown, info: MessageInfo): void {
    this.#guard(() => this.#handlers.onMessage(data, info));
  }

  #become(state: SubscriptionState): void {
    if (!this.#isEnded) {
      this.#state = state;
      this.#guard(() => this.#handlers.onState?.(state));
    }
  }

  #guard<Result>(run: () => Result): Result | undefined {
    try {
      return run();
    } catch (error) {
      this.#options.onError(error);
      return undefined;
    }
  }
}
