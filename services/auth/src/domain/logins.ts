/**
 * Login with a password. The steps: (1) is the device a proven one, (2) count the attempt, or have it wait, (3) the first
 * factor, (4) open the session. Between (3) and (4), where the password is known to be right and nothing has been handed
 * out, an account with a second factor is given a challenge instead (login-completion.ts); other ways in join at (4).
 *
 * An unknown login, a wrong password and one that has to wait get the same words; the time to wait is told of all of them
 * alike. Verified or not depends on counts of what was typed, never on whether it exists, and a login that does not exist
 * costs the same work as a wrong password (ASVS 6.3.8).
 */

import type { AttemptGuard, Verdict } from "./attempt-guard.ts";
import { type CountedKey, keysOfLogin } from "./attempt-limits.ts";
import { originOf } from "./client-origin.ts";
import type { Entered, Entry } from "./entry.ts";
import { AuthError } from "./errors.ts";
import type { LoginChallenge, LoginCompletion } from "./login-completion.ts";
import { normalizePassword } from "./password-policy.ts";
import type {
  AccountStore,
  ClientFacts,
  DeviceStore,
  DirectoryUser,
  OpaqueToken,
  OpaqueTokens,
  PasswordHasher,
  UserDirectory,
} from "./ports.ts";
import type { SecurityLog } from "./security-events.ts";

export interface LoginAttempt {
  /** Username or e-mail address. */
  readonly login: string;
  readonly password: string;
  /** What an earlier login from this device gave; empty without one. */
  readonly deviceToken: string;
  readonly client: ClientFacts;
}

/** Tokens, or what has to be answered to get some. */
export type Admission = Entered | LoginChallenge;

export interface LoginsOptions {
  readonly accounts: Pick<AccountStore, "findPasswordHash">;
  readonly directory: Pick<UserDirectory, "findByLogin">;
  readonly devices: DeviceStore;
  readonly deviceTokens: OpaqueTokens;
  readonly hasher: PasswordHasher;
  readonly completion: Pick<LoginCompletion, "challenge">;
  readonly entry: Pick<Entry, "open">;
  readonly guard: AttemptGuard;
  readonly log: SecurityLog;
}

/** Asked for when the login names nobody, so that the look-up costs the same. */
const nobody = "00000000-0000-0000-0000-000000000000";

export class Logins {
  readonly #options: LoginsOptions;

  constructor(options: LoginsOptions) {
    this.#options = options;
  }

  /** Throws "login_failed", with the time to wait once there is one, "busy" or "unavailable". */
  async logIn(attempt: LoginAttempt): Promise<Admission> {
    const { guard, completion, entry, log } = this.#options;
    const { login, client } = attempt;
    const proven = await this.#provenDevice(attempt);
    const keys: readonly CountedKey[] =
      proven === undefined
        ? keysOfLogin(login, client.network)
        : [{ kind: "device", id: `${proven.user.userId} ${attempt.deviceToken}` }];
    const verdict = await guard.attempt(keys, () => this.#verifyPassword(attempt, proven?.user));
    if (!verdict.right) {
      if (verdict.verified && verdict.waitMs > 0) {
        // Once per wait that begins: what is refused meanwhile would only fill the trail.
        await log.record("login_held_up", { ...originOf(client), waitMs: verdict.waitMs });
      }
      throw loginFailed(verdict.waitMs);
    }
    const { user, passwordHash } = verdict.value;
    const challenge = await completion.challenge(user, passwordHash, client);
    const proof = { by: "password", device: proven?.device, passwordHash, secondFactor: false };
    const admission = challenge === "none" ? await entry.open(user, client, proof) : challenge;
    if (admission === undefined || admission === "void") {
      throw loginFailed(0);
    }
    return admission;
  }

  /** The user of the login, if the device was logged in from as them before. */
  async #provenDevice({ login, deviceToken: token }: LoginAttempt): Promise<ProvenDevice | undefined> {
    const { directory, devices, deviceTokens } = this.#options;
    if (token === "") {
      return undefined;
    }
    const hash = deviceTokens.hash(token);
    const user = await directory.findByLogin(login);
    const proven = await devices.isProven(user?.userId ?? nobody, hash);
    return user !== undefined && proven ? { user, device: { token, hash } } : undefined;
  }

  async #verifyPassword(
    { login, password, client }: LoginAttempt,
    known: DirectoryUser | undefined,
  ): Promise<Verdict<{ user: DirectoryUser; passwordHash: string }>> {
    const { accounts, directory, hasher, log } = this.#options;
    const normalized = normalizePassword(password);
    const user = known ?? (await directory.findByLogin(login));
    const passwordHash = await accounts.findPasswordHash(user?.userId ?? nobody);
    if (user === undefined || passwordHash === undefined) {
      await hasher.verifyDecoy(normalized);
      await log.record("login_failed", originOf(client));
      return { right: false };
    }
    if (!(await hasher.verify(passwordHash, normalized))) {
      await log.record("login_failed", { userId: user.userId, ...originOf(client) });
      return { right: false };
    }
    return { right: true, value: { user, passwordHash } };
  }
}

interface ProvenDevice {
  readonly user: DirectoryUser;
  readonly device: OpaqueToken;
}

function loginFailed(waitMs: number): AuthError {
  const message = "the login or the password is wrong, or there were too many attempts: wait as long as is said";
  return new AuthError("login_failed", message, { retryAfterMs: waitMs });
}
