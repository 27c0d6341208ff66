/**
 * Checks codes and uses them up.
 *
 * Only the six digits of an app can be guessed, and only by who has passed the first step, so only they are counted: by
 * account, with a wait that grows to an hour, and for a proven device by itself alone. Whoever has stolen a password can
 * therefore make nobody wait on their own devices, and a recovery code or a passkey gets in anywhere meanwhile. The owner is
 * told by mail when somebody has to wait: then the password is known to others (ASVS 6.3.5).
 */

import type { AttemptGuard } from "./attempt-guard.ts";
import type { CountedKey } from "./attempt-limits.ts";
import { originOf } from "./client-origin.ts";
import { AuthError } from "./errors.ts";
import type { FactorStore, FactorSummary, RecoveryCodes, SecretSealing, TotpCodes } from "./factor-ports.ts";
import type { MailQueue } from "./mail-ports.ts";
import type { AttemptCounter, ClientFacts, WallClock } from "./ports.ts";
import type { SecurityLog } from "./security-events.ts";

export interface SecondFactorsOptions {
  readonly store: FactorStore;
  readonly totp: TotpCodes;
  readonly recovery: RecoveryCodes;
  readonly sealing: SecretSealing;
  readonly guard: AttemptGuard;
  readonly counter: AttemptCounter;
  readonly mails: MailQueue;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

export type FactorName = "totp" | "recovery_code" | "passkey";

/** Who presents a code, and what their attempts are counted by. */
export interface CodeAttempt {
  readonly userId: string;
  readonly code: string;
  readonly keys: readonly CountedKey[];
  readonly client: ClientFacts;
}

/** Whether a password alone is not enough for the account. */
export function hasSecondFactor({ totp, passkeys }: FactorSummary): boolean {
  return totp !== undefined || passkeys > 0;
}

export class SecondFactors {
  readonly #options: SecondFactorsOptions;

  constructor(options: SecondFactorsOptions) {
    this.#options = options;
  }

  summary(userId: string): Promise<FactorSummary> {
    return this.#options.store.summary(userId);
  }

  /** What a login of the account can be completed with; nothing when it has no second factor. */
  async offered(userId: string): Promise<readonly FactorName[]> {
    const { totp, passkeys, recoveryCodes } = await this.summary(userId);
    return [
      ...(totp === undefined ? [] : ["totp" as const]),
      ...(passkeys === 0 ? [] : ["passkey" as const]),
      ...(recoveryCodes === 0 ? [] : ["recovery_code" as const]),
    ];
  }

  /** Uses up the code of an app. Throws "code_wrong" for a wrong one, a used one, and one that has to wait. */
  async useTotp({ userId, code, keys, client }: CodeAttempt): Promise<void> {
    const { guard, log } = this.#options;
    const verdict = await guard.attempt(keys, async () =>
      (await this.#claimTotp(userId, code)) ? { right: true, value: undefined } : { right: false },
    );
    if (verdict.right) {
      return;
    }
    const origin = originOf(client);
    if (verdict.verified) {
      await log.record("second_factor_failed", { userId, ...origin, factor: "totp" });
    }
    if (verdict.verified && verdict.waitMs > 0) {
      await log.record("second_factor_held_up", { userId, ...origin, waitMs: verdict.waitMs });
      await this.#warn(userId, origin);
    }
    throw codeWrong("the code is wrong or was used, or there were too many: wait as long as is said", verdict.waitMs);
  }

  /** Uses up a recovery code and says so by mail. Throws "code_wrong". */
  async useRecoveryCode({ userId, code, client }: Omit<CodeAttempt, "keys">): Promise<void> {
    const { store, recovery, mails, clock, log } = this.#options;
    const origin = originOf(client);
    const left = await store.takeRecoveryCode(userId, recovery.hash(code));
    if (left === undefined) {
      await log.record("second_factor_failed", { userId, ...origin, factor: "recovery_code" });
      throw codeWrong("the recovery code is wrong or was used", 0);
    }
    await log.record("recovery_code_used", { userId, ...origin, left });
    await mails.notify({ kind: "recovery_code_used", userId, left, atMs: clock.now(), ...origin });
  }

  async #claimTotp(userId: string, code: string): Promise<boolean> {
    const { store, totp, sealing, clock } = this.#options;
    const found = await store.findTotp(userId, true);
    if (found === undefined) {
      return false;
    }
    const { sealedSecret } = found;
    const atMs = clock.now();
    const step = totp.stepOf(sealing.open(userId, sealedSecret), code, atMs);
    return step !== undefined && (await store.claimTotpStep({ userId, sealedSecret, step, atMs }));
  }

  /** A few times a day at the most, however long it goes on. */
  async #warn(userId: string, origin: { address: string; userAgent: string }): Promise<void> {
    const { counter, mails, clock } = this.#options;
    const atMs = clock.now();
    const { admitted } = await counter.take([{ kind: "mailFor", id: `codes ${userId}` }], atMs);
    if (admitted) {
      await mails.notify({ kind: "codes_guessed", userId, atMs, ...origin });
    }
  }
}

export function codeWrong(message: string, retryAfterMs: number): AuthError {
  return new AuthError("code_wrong", message, { retryAfterMs });
}
