/**
 * Whether a caller may do what a stolen access token must not. A session that was opened a moment ago is proof enough,
 * whatever it was opened with; else the password is asked for, and tries at it are limited by session. So a person without
 * a password can log in again instead.
 *
 * One factor is enough to end sessions (ASVS 7.5.2). What changes how an account is got into or reached, its factors and
 * its address, takes all that a login takes (7.5.1): where there is a second factor, a session that was opened with it
 * within ten minutes, or the password and a code. A session that followed on a change of the password is as old in this as
 * the one before it, or a stolen password and a stolen token would make a strong session together.
 */
import type { AttemptGuard } from "./attempt-guard.ts";
import { AuthError } from "./errors.ts";
import { normalizePassword } from "./password-policy.ts";
import type { AccountStore, ClientFacts, PasswordHasher, SessionStore, WallClock } from "./ports.ts";
import { hasSecondFactor, type SecondFactors } from "./second-factors.ts";
import type { SecurityLog } from "./security-events.ts";
import type { SessionCaller } from "./sessions.ts";

export interface ReauthenticationOptions {
  readonly accounts: Pick<AccountStore, "findPasswordHash">;
  readonly sessions: Pick<SessionStore, "findOwn">;
  readonly hasher: PasswordHasher;
  readonly factors: Pick<SecondFactors, "summary" | "useTotp">;
  readonly guard: AttemptGuard;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

/** What a caller gives beside their access token; empty what they do not give. */
export interface Shown {
  readonly password: string;
  /** Of the authenticator app. */
  readonly code: string;
  readonly client: ClientFacts;
}

const freshMs = 10 * 60_000;

export class Reauthentication {
  readonly #options: ReauthenticationOptions;

  constructor(options: ReauthenticationOptions) {
    this.#options = options;
  }

  /**
   * Passes for a session opened within ten minutes, or for the right password. Throws "reauthentication_needed" without
   * one, "password_wrong" (with the time to wait, once there is one) or "busy".
   */
  async assertRecent(caller: SessionCaller, password: string): Promise<void> {
    const { sessions, clock } = this.#options;
    const session = await sessions.findOwn(caller.sessionId, caller.userId);
    if (session !== undefined && clock.now() - session.openedAtMs <= freshMs) {
      return;
    }
    if (password === "") {
      throw new AuthError("reauthentication_needed", "give the password, or log in again and repeat this");
    }
    await this.assertPassword(caller, password, "password");
  }

  /**
   * Passes for a session opened within ten minutes with all factors that the account has, or for the password, and a code
   * where there is a second factor. Throws "reauthentication_needed", "password_wrong", "code_wrong" or "busy".
   */
  async assertFull(caller: SessionCaller, { password, code, client }: Shown): Promise<void> {
    const { sessions, factors, clock } = this.#options;
    const { userId, sessionId } = caller;
    if (!hasSecondFactor(await factors.summary(userId))) {
      return this.assertRecent(caller, password);
    }
    const session = await sessions.findOwn(sessionId, userId);
    if (session?.secondFactorAtMs !== undefined && clock.now() - session.secondFactorAtMs <= freshMs) {
      return;
    }
    if (password === "" || code === "") {
      const message = "give the password and a code of the authenticator app, or log in again and repeat this";
      throw new AuthError("reauthentication_needed", message);
    }
    await this.assertPassword(caller, password, "password");
    await factors.useTotp({ userId, code, keys: [{ kind: "totpAgain", id: userId }], client });
  }

  /** Passes for the right password only; `field` is what the caller named it. Throws as above. */
  async assertPassword(caller: SessionCaller, password: string, field: string): Promise<void> {
    const { accounts, hasher, guard, log } = this.#options;
    const { userId, sessionId } = caller;
    const hash = await accounts.findPasswordHash(userId);
    const verdict = await guard.attempt([{ kind: "password", id: sessionId }], async () => {
      const right = hash !== undefined && (await hasher.verify(hash, normalizePassword(password)));
      return right ? { right, value: undefined } : { right };
    });
    if (verdict.right) {
      return;
    }
    if (verdict.verified) {
      await log.record("reauthentication_failed", { userId, sessionId });
    }
    throw new AuthError("password_wrong", "the password is wrong, or was wrong too often: wait as long as is said", {
      fields: [{ field, description: "is wrong" }],
      retryAfterMs: verdict.waitMs,
    });
  }
}
