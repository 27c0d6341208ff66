import { reconnectDelayMs } from "./backoff.ts";
import type { Timer } from "./clock.ts";
import { errorFromServer, RealtimeError } from "./errors.ts";
import type { Resolved, TokenPurpose } from "./options.ts";
import type { Settle } from "./socket-link.ts";

/*
 * Asks for tokens, and replaces the one of an open connection before it ends. An outage of whoever gives or checks tokens is
 * not the end of a login: it is tried again until the connection ends, which then begins anew with a token. A new token
 * that is refused is replaced once; is that one refused as well, or is there none, nobody is signed in.
 */

export interface TokenRefreshActions {
  readonly request: (token: string, settle: Settle) => void;
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

  /** Gives a token or the error, once and not in this turn, in `commandTimeoutMs` at the latest. */
  ask(purpose: TokenPurpose, settle: (token: string | undefined, error: RealtimeError | undefined) => void): void {
    let open = true;
    const once = (token: string | undefined, error: RealtimeError | undefined) => {
      if (open) {
        open = false;
        timer.cancel();
        settle(token, error);
      }
    };
    const { platform, durations, token } = this.#options;
    const late = () => once(undefined, new RealtimeError("timed_out", "no token was given in time"));
    const timer = platform.clock.setTimer(late, durations.commandTimeoutMs);
    Promise.resolve(purpose)
      .then(token)
      .then(
        (given) => {
          const isToken = typeof given === "string" && given !== "";
          once(isToken ? given : undefined, isToken ? undefined : new RealtimeError("unauthenticated"));
        },
        (cause: unknown) => {
          const outage = new RealtimeError("unavailable", "the access token could not be had", { cause });
          once(undefined, cause instanceof RealtimeError && cause.code === "unauthenticated" ? cause : outage);
        },
      );
  }

  #refresh(purpose: TokenPurpose): void {
    const refresh = this.#running;
    this.ask(purpose, (token, error) => {
      if (refresh !== this.#running || refresh === undefined) {
        return;
      }
      if (token === undefined) {
        this.#failed(purpose, error);
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
          const refusal =
            answer === undefined ? undefined : errorFromServer(answer.code, answer.message, answer.reason);
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
    const delayMs = reconnectDelayMs(this.#failures, this.#options);
    this.#timer = platform.clock.setTimer(() => this.#refresh(purpose), delayMs);
  }
}
