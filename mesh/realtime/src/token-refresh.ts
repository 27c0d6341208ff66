import { reconnectDelayMs } from "./backoff.ts";
import type { Timer } from "./clock.ts";
import type { Credential } from "./credential.ts";
import { errorOfAnswer, RealtimeError } from "./errors.ts";
import type { Settle } from "./link.ts";
import type { Resolved, TokenPurpose, TokenSource } from "./options.ts";

/*
 * Asks for tokens and tickets, and replaces the token of an open connection before it ends. An outage of whoever gives or
 * checks tokens is not the end of a login: it is tried again until the connection ends, which then begins anew with a
 * token. A new token that is refused is replaced once; is that one refused as well, or is there none, nobody is signed in.
 * A ticket renews nothing: who gives tickets only has the connection replaced, as soon as the new ticket is here.
 */

export interface TokenRefreshActions {
  readonly request: (token: string, settle: Settle) => void;
  readonly reconnect: (ticket: Credential) => void;
  readonly signedOut: (error: RealtimeError) => void;
  /** The new token is of somebody else. */
  readonly otherUser: () => void;
}

export class TokenRefresh {
  readonly #options: Resolved;
  readonly #actions: TokenRefreshActions;
  /** Counts refreshes; undefined when none is under way. */
  #running: number | undefined;
  #count = 0;
  #failures = 0;
  #timer: Timer | undefined;

  constructor(options: Resolved, actions: TokenRefreshActions) {
    this.#options = options;
    this.#actions = actions;
  }

  /** Begins; does nothing while it is under way. */
  start(): void {
    if (this.#running === undefined) {
      this.#count += 1;
      this.#running = this.#count;
      this.#failures = 0;
      this.#refresh("expiring");
    }
  }

  stop(): void {
    this.#running = undefined;
    this.#timer?.cancel();
  }

  /** Gives what a connection can be opened with or the error, once and not in this turn, in `commandTimeoutMs` at the latest. */
  askForConnection(
    purpose: TokenPurpose,
    settle: (credential: Credential | undefined, error: RealtimeError | undefined) => void,
  ): void {
    const { ticket, token } = this.#options;
    this.#ask(ticket ?? token, purpose, (given, error) => {
      if (given === undefined) {
        settle(undefined, error);
      } else {
        settle(ticket === undefined ? { token: given } : { ticket: given }, undefined);
      }
    });
  }

  #ask(
    source: TokenSource | undefined,
    purpose: TokenPurpose,
    settle: (given: string | undefined, error: RealtimeError | undefined) => void,
  ): void {
    let open = true;
    const abort = new AbortController();
    const once = (given: string | undefined, error: RealtimeError | undefined) => {
      if (open) {
        open = false;
        timer.cancel();
        settle(given, error);
      }
    };
    const { platform, durations } = this.#options;
    const timer = platform.clock.setTimer(() => {
      once(undefined, new RealtimeError("timed_out", "no token was given in time"));
      abort.abort();
    }, durations.commandTimeoutMs);
    Promise.resolve(purpose)
      .then((why) => source?.(why, { signal: abort.signal }))
      .then(
        (given) => {
          const isToken = typeof given === "string" && given !== "";
          once(isToken ? given : undefined, isToken ? undefined : new RealtimeError("unauthenticated"));
        },
        (cause: unknown) => {
          const isKnown = cause instanceof RealtimeError;
          const { reason, retryAfterMs } = isKnown ? cause : {};
          const outage = () =>
            new RealtimeError("unavailable", "the access token could not be had", { cause, reason, retryAfterMs });
          once(undefined, isKnown && cause.code === "unauthenticated" ? cause : outage());
        },
      );
  }

  #refresh(purpose: TokenPurpose): void {
    const refresh = this.#running;
    const { token: tokens, ticket: tickets } = this.#options;
    this.#ask(tokens ?? tickets, purpose, (token, error) => {
      if (refresh !== this.#running || refresh === undefined) {
        return;
      }
      if (token === undefined) {
        this.#failed(purpose, error);
        return;
      }
      if (tokens === undefined) {
        this.#actions.reconnect({ ticket: token });
        return;
      }
      this.#actions.request(token, (answer) => {
        if (refresh !== this.#running) {
          return;
        }
        if (answer?.ok === true) {
          this.#running = undefined;
        } else if (answer?.reason === "OTHER_USER") {
          this.#actions.otherUser();
        } else {
          const refusal = answer === undefined ? undefined : errorOfAnswer(answer);
          if (refusal?.code === "unauthenticated" && purpose !== "refused") {
            this.#refresh("refused");
          } else {
            this.#failed(purpose, refusal);
          }
        }
      });
    });
  }

  #failed(purpose: TokenPurpose, error: RealtimeError | undefined): void {
    if (error?.code === "unauthenticated") {
      this.#actions.signedOut(error);
      return;
    }
    const { platform } = this.#options;
    this.#failures += 1;
    const delayMs = Math.max(reconnectDelayMs(this.#failures, this.#options), error?.retryAfterMs ?? 0);
    this.#timer = platform.clock.setTimer(() => this.#refresh(purpose), delayMs);
  }
}
