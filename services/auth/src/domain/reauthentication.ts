/**
 * Whether a caller may do what a stolen access token must not: end other sessions, change the password (ASVS 7.5.1,
 * 7.5.2). A session that was opened a moment ago is proof enough, whatever it was opened with; else the password is
 * asked for, and tries at it are limited by session. So a person without a password can log in again instead.
 */
import type { AttemptGuard } from "./attempt-guard.ts";
import { AuthError } from "./errors.ts";
import { normalizePassword } from "./password-policy.ts";
import type { AccountStore, PasswordHasher, SessionStore, WallClock } from "./ports.ts";
import type { SecurityLog } from "./security-events.ts";
import type { SessionCaller } from "./sessions.ts";

export interface ReauthenticationOptions {
  readonly accounts: Pick<AccountStore, "findPasswordHash">;
  readonly sessions: Pick<SessionStore, "findOwn">;
  readonly hasher: PasswordHasher;
  readonly guard: AttemptGuard;
  readonly clock: WallClock;
  readonly log: SecurityLog;
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
