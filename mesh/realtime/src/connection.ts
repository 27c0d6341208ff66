import { reconnectDelayMs } from "./backoff.ts";
import type { Timer } from "./clock.ts";
import type { Credential } from "./credential.ts";
import { errorOfAnswer, RealtimeError } from "./errors.ts";
import type { Link, LinkEnd, Settle } from "./link.ts";
import { LinkOpener } from "./link-opener.ts";
import type { Resolved } from "./options.ts";
import { type ChannelFrame, type ConnectionLimits, readLimits } from "./protocol.ts";
import { SleepWatch } from "./sleep-watch.ts";
import type { WantedChannel } from "./stream-request.ts";
import { TokenRefresh } from "./token-refresh.ts";
import type { Transport } from "./transport-choice.ts";

/*
 * Keeps a connection to the server: *connecting* (a token, a socket, being recognised), *connected*, *waiting* to try again,
 * *unauthenticated* (nobody is signed in; waits for `retry`), *closed*.
 *
 * It tries again for as long as it lives. Delays grow with failures in a row and are drawn at random; a connection that
 * lasted ends the row. At once it tries again when it was the token that was refused, when a page wakes up, and when a
 * connection turned out dead after the page had slept: there, it is this client alone that comes. A token that was refused
 * is replaced once; is that one refused as well, there is no login any more.
 */

export type ConnectionState =
  | { readonly status: "connecting" }
  /** `userId` is not known where events are streamed. */
  | { readonly status: "connected"; readonly userId: string | undefined; readonly transport: Transport }
  | { readonly status: "waiting"; readonly retryInMs: number; readonly error: RealtimeError }
  | { readonly status: "unauthenticated"; readonly error: RealtimeError }
  | { readonly status: "closed" };

export interface ConnectionListener {
  state(state: ConnectionState): void;
  connected(limits: ConnectionLimits): void;
  disconnected(): void;
  frame(frame: ChannelFrame): void;
  /** The channels that are listened to. */
  wanted(): readonly WantedChannel[];
}

/** A connection that lasted as long has shown that the server is well. */
const stableAfterMs = 10_000;
/** "Come back later and slower" counts as so many failures. */
const failuresWhenLimited = 4;
/** The reason of the end of a connection that was found dead when the page woke up. */
const diedAsleep = "died_asleep";

export class Connection {
  readonly #options: Resolved;
  readonly #listener: ConnectionListener;
  readonly #refresh: TokenRefresh;
  readonly #opener: LinkOpener;
  readonly #sleepWatch: SleepWatch;
  #state: ConnectionState = { status: "connecting" };
  #link: Link | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #refusals = 0;
  #connectedAtMs: number | undefined;
  #reconnectAfterMs: number | undefined;
  /** The page has woken up since this attempt began: should it fail, another may not. */
  #wokeMeanwhile = false;
  /** Counts attempts: what an older one still brings is not heard. */
  #attempt = 0;

  constructor(options: Resolved, listener: ConnectionListener) {
    this.#options = options;
    this.#listener = listener;
    this.#refresh = new TokenRefresh(options, {
      request: (token, settle) => this.request("refresh", { token }, settle),
      reconnect: (ticket) => this.#reconnect(ticket),
      signedOut: (error) => this.#signedOut(error),
      otherUser: () => this.#link?.close(1000, "other_user"),
    });
    this.#opener = new LinkOpener(options, {
      wanted: () => listener.wanted(),
      credential: (settle) => this.#refresh.askForConnection("connect", settle),
    });
    this.#sleepWatch = new SleepWatch(options.platform.clock, () => this.woke());
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Whoever hears of a state may close the connection in that turn. */
  get #isClosed(): boolean {
    return this.#state.status === "closed";
  }

  /** Tries now: to begin, after somebody has signed in, or instead of waiting. */
  retry(): void {
    if (this.#link === undefined) {
      this.#connect();
    }
  }

  /** The page is seen or online again: what the connection is worth is found out soon. */
  woke(): void {
    if (this.#state.status === "waiting") {
      this.#connect();
    } else if (this.#state.status === "connected") {
      this.#link?.probe(this.#options.durations.wakeTimeoutMs, diedAsleep);
    } else {
      this.#wokeMeanwhile = true;
    }
  }

  /** Sends a command; does nothing while there is no connection. */
  request(command: string, body: object, settle: Settle): void {
    this.#link?.request(command, body, settle);
  }

  close(): void {
    this.#sleepWatch.stop();
    this.#attempt += 1;
    this.#timer?.cancel();
    this.#become({ status: "closed" });
    this.#drop("closed");
  }

  #connect(): void {
    if (this.#isClosed) {
      return;
    }
    this.#timer?.cancel();
    this.#sleepWatch.start();
    this.#attempt += 1;
    this.#wokeMeanwhile = false;
    const attempt = this.#attempt;
    this.#become({ status: "connecting" });
    this.#refresh.askForConnection(this.#refusals === 0 ? "connect" : "refused", (credential, error) => {
      if (attempt !== this.#attempt) {
        return;
      }
      if (credential !== undefined) {
        this.#open(credential, attempt);
      } else if (error?.code === "unauthenticated") {
        this.#signedOut(error);
      } else {
        this.#fail(error ?? new RealtimeError("unavailable"));
      }
    });
  }

  /** Begins anew with a ticket, as the one before ends soon. */
  #reconnect(ticket: Credential): void {
    this.#drop("renewed");
    const attempt = this.#attempt;
    this.#become({ status: "connecting" });
    if (attempt === this.#attempt) {
      this.#open(ticket, attempt);
    }
  }

  #open(credential: Credential, attempt: number): void {
    const { durations, platform } = this.#options;
    try {
      this.#link = this.#opener.open({
        opened: () => this.request("connect", credential, (answer) => this.#answered(answer)),
        frame: (frame) => {
          if (frame.kind === "draining") {
            this.#reconnectAfterMs = frame.reconnectAfterMs;
          } else if (frame.kind === "token_expiring") {
            this.#refresh.start();
          } else {
            this.#listener.frame(frame);
          }
        },
        ended: (end) => {
          if (attempt === this.#attempt) {
            this.#ended(end);
          }
        },
      });
    } catch (cause) {
      this.#fail(new RealtimeError("unavailable", "the WebSocket could not be opened", { cause }));
      return;
    }
    const link = this.#link;
    this.#timer = platform.clock.setTimer(() => link.close(1006, "connect_timeout"), durations.connectTimeoutMs);
  }

  #answered(answer: Parameters<Settle>[0]): void {
    if (answer?.ok !== true) {
      const error = answer === undefined ? new RealtimeError("timed_out") : errorOfAnswer(answer);
      this.#drop("not_connected");
      if (error.code === "unauthenticated") {
        this.#refused(error);
      } else {
        this.#failToOpen(error);
      }
      return;
    }
    this.#timer?.cancel();
    this.#refusals = 0;
    this.#wokeMeanwhile = false;
    this.#connectedAtMs = this.#options.platform.clock.now();
    this.#opener.worked();
    const { userId } = answer.body;
    const { transport } = this.#opener;
    this.#become({ status: "connected", userId: userId === undefined ? userId : String(userId), transport });
    if (this.#link === undefined) {
      return;
    }
    this.#listener.connected(readLimits(answer.body));
  }

  #ended({ code, reason }: LinkEnd): void {
    this.#link = undefined;
    const wasConnected = this.#connectedAtMs !== undefined;
    const error = new RealtimeError("disconnected", undefined, { reason: reason === "" ? String(code) : reason });
    this.#lost();
    if (code === 4401 && reason !== "connect_timeout") {
      this.#refused(new RealtimeError("unauthenticated", undefined, { reason }));
    } else if (code === 4429) {
      this.#failures = Math.max(this.#failures, failuresWhenLimited);
      this.#fail(error);
    } else if (wasConnected) {
      this.#fail(error, reason === diedAsleep ? 0 : this.#reconnectAfterMs);
    } else {
      this.#failToOpen(error);
    }
  }

  #refused(error: RealtimeError): void {
    if (this.#isClosed) {
      return;
    }
    this.#refusals += 1;
    if (this.#refusals > 1) {
      this.#signedOut(error);
    } else if (this.#failures === 0) {
      this.#failures = 1;
      this.#connect();
    } else {
      this.#fail(error);
    }
  }

  #failToOpen(error: RealtimeError): void {
    if (this.#opener.failed()) {
      this.#connect();
    } else {
      this.#fail(error);
    }
  }

  /** Tries again: after `delayMs`, or as the failures in a row demand. */
  #fail(error: RealtimeError, delayMs?: number): void {
    if (this.#isClosed) {
      return;
    }
    const { platform } = this.#options;
    this.#timer?.cancel();
    this.#failures += 1;
    this.#reconnectAfterMs = undefined;
    const ownDelayMs = Math.max(reconnectDelayMs(this.#failures, this.#options), error.retryAfterMs ?? 0);
    const retryInMs = (this.#wokeMeanwhile ? 0 : delayMs) ?? ownDelayMs;
    this.#timer = platform.clock.setTimer(() => this.#connect(), retryInMs);
    this.#become({ status: "waiting", retryInMs, error });
  }

  #signedOut(error: RealtimeError): void {
    this.#sleepWatch.stop();
    this.#attempt += 1;
    this.#timer?.cancel();
    this.#refusals = 0;
    this.#failures = 0;
    this.#become({ status: "unauthenticated", error });
    this.#drop("signed_out");
  }

  /** Ends the link without a word to anybody who waits for its end. */
  #drop(reason: string): void {
    const link = this.#link;
    this.#link = undefined;
    this.#attempt += 1;
    link?.close(1000, reason);
    this.#lost();
  }

  #lost(): void {
    this.#refresh.stop();
    const connectedAtMs = this.#connectedAtMs;
    this.#connectedAtMs = undefined;
    if (connectedAtMs !== undefined) {
      if (this.#options.platform.clock.now() - connectedAtMs >= stableAfterMs) {
        this.#failures = 0;
      }
      this.#listener.disconnected();
    }
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#listener.state(state);
  }
}
