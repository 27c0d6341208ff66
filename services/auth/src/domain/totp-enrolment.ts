/**
 * Setting an authenticator app up, and taking it away. A secret counts for nothing until a code of it was shown, so nobody
 * is locked out by a QR code that was never scanned; meanwhile an app of before goes on. The code that confirms is used up.
 * Who changes factors has to be the owner and not only hold an access token: see reauthentication.ts.
 */

import type { AttemptGuard } from "./attempt-guard.ts";
import { originOf } from "./client-origin.ts";
import { AuthError } from "./errors.ts";
import type { FactorStore, RecoveryCodes, SecretSealing, TotpCodes } from "./factor-ports.ts";
import type { MailQueue } from "./mail-ports.ts";
import type { ClientFacts, UserDirectory, WallClock } from "./ports.ts";
import type { Reauthentication, Shown } from "./reauthentication.ts";
import { codeWrong } from "./second-factors.ts";
import type { SecurityLog } from "./security-events.ts";
import type { SessionCaller } from "./sessions.ts";

export interface TotpEnrolmentOptions {
  readonly store: FactorStore;
  readonly totp: TotpCodes;
  readonly recovery: RecoveryCodes;
  readonly sealing: SecretSealing;
  readonly directory: Pick<UserDirectory, "ownProfile">;
  readonly reauthentication: Reauthentication;
  readonly guard: AttemptGuard;
  readonly mails: MailQueue;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

const recoveryCodeCount = 10;
const setUpMs = 15 * 60_000;

export class TotpEnrolment {
  readonly #options: TotpEnrolmentOptions;

  constructor(options: TotpEnrolmentOptions) {
    this.#options = options;
  }

  /** A new secret, to be confirmed. Throws what `Reauthentication.assertFull` throws. */
  async begin(caller: SessionCaller, shown: Shown): Promise<{ secret: string; uri: string }> {
    const { store, totp, sealing, directory, reauthentication, clock } = this.#options;
    const { userId } = caller;
    await reauthentication.assertFull(caller, shown);
    const { username } = await directory.ownProfile(userId);
    const secret = totp.newSecret();
    await store.beginTotp({ userId, sealedSecret: sealing.seal(userId, secret), atMs: clock.now() });
    return { secret, uri: totp.uri(secret, username) };
  }

  /** Recovery codes, if this was the account's first second factor. Throws "factor_missing" or "code_wrong". */
  async confirm(caller: SessionCaller, code: string, client: ClientFacts): Promise<readonly string[]> {
    const { store, totp, recovery, sealing, guard, mails, clock, log } = this.#options;
    const { userId, sessionId } = caller;
    const atMs = clock.now();
    const pending = await store.findTotp(userId, false);
    if (pending === undefined || atMs - pending.createdAtMs > setUpMs) {
      throw notBegun();
    }
    const { sealedSecret } = pending;
    const verdict = await guard.attempt([{ kind: "password", id: `totp ${sessionId}` }], async () => {
      const step = totp.stepOf(sealing.open(userId, sealedSecret), code, atMs);
      return step === undefined ? { right: false } : { right: true, value: step };
    });
    if (!verdict.right) {
      throw codeWrong("the code is wrong, or was wrong too often: wait as long as is said", verdict.waitMs);
    }
    const codes = mintRecoveryCodes(recovery);
    const recoveryCodes = codes.map(({ hash }) => hash);
    const added = await store.confirmTotp({
      userId,
      sealedSecret,
      step: verdict.value,
      atMs,
      recoveryCodes,
      sessionId,
    });
    if (added === undefined) {
      throw notBegun();
    }
    const origin = originOf(client);
    await log.record("second_factor_added", { userId, sessionId, ...origin, factor: "totp" });
    await mails.notify({ kind: "factor_added", factor: "totp", userId, atMs, ...origin });
    return added.first ? codes.map((minted) => minted.code) : [];
  }

  /** Throws "factor_missing", and what `Reauthentication.assertFull` throws. */
  async remove(caller: SessionCaller, shown: Shown): Promise<void> {
    const { store, reauthentication, mails, clock, log } = this.#options;
    const { userId, sessionId } = caller;
    await reauthentication.assertFull(caller, shown);
    if (!(await store.removeTotp(userId))) {
      throw new AuthError("factor_missing", "the account has no authenticator app");
    }
    const origin = originOf(shown.client);
    await log.record("second_factor_removed", { userId, sessionId, ...origin, factor: "totp" });
    await mails.notify({ kind: "factor_removed", factor: "totp", userId, atMs: clock.now(), ...origin });
  }

  /** Codes in place of all that are left. Throws "factor_missing", and what `Reauthentication.assertFull` throws. */
  async renewRecoveryCodes(caller: SessionCaller, shown: Shown): Promise<readonly string[]> {
    const { store, recovery, reauthentication, log } = this.#options;
    const { userId, sessionId } = caller;
    await reauthentication.assertFull(caller, shown);
    const codes = mintRecoveryCodes(recovery);
    const hashes = codes.map(({ hash }) => hash);
    if (!(await store.replaceRecoveryCodes(userId, hashes))) {
      throw new AuthError("factor_missing", "the account has no second factor that codes could stand in for");
    }
    const origin = originOf(shown.client);
    await log.record("recovery_codes_renewed", { userId, sessionId, ...origin });
    return codes.map(({ code }) => code);
  }
}

export function mintRecoveryCodes(recovery: RecoveryCodes): { code: string; hash: Uint8Array }[] {
  return Array.from({ length: recoveryCodeCount }, () => recovery.mint());
}

function notBegun(): AuthError {
  return new AuthError("factor_missing", "there is no authenticator app being set up, or not any more; begin again");
}
