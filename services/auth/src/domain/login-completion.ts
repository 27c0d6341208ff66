/**
 * The second step of a login. The first one, when it was right, is given a challenge instead of tokens: random, good for five
 * minutes, for one login, and only while the account keeps the password that it had then. A wrong code does not use
 * the challenge up, so a typing mistake costs no second password; the one that is right does. When the factor is a passkey,
 * the challenge itself is what it signs.
 *
 * The factor is used up before the challenge is: of two that complete one login at the same time with different codes, one
 * gets in and the other has spent its code for nothing. The other way round a wrong code would end the login.
 */

import { originOf } from "./client-origin.ts";
import type { Entered, Entry } from "./entry.ts";
import { AuthError } from "./errors.ts";
import type { ChallengeStore, JsonObject, PasskeyStore, WebAuthn } from "./factor-ports.ts";
import type { PasskeyAssertions } from "./passkey-assertions.ts";
import type { ClientFacts, DirectoryUser, OpaqueToken, OpaqueTokens, UserDirectory, WallClock } from "./ports.ts";
import type { FactorName, SecondFactors } from "./second-factors.ts";
import type { SecurityLog } from "./security-events.ts";

export interface LoginCompletionOptions {
  readonly factors: SecondFactors;
  readonly assertions: PasskeyAssertions;
  readonly passkeys: Pick<PasskeyStore, "list">;
  readonly webauthn: WebAuthn;
  readonly challenges: ChallengeStore;
  readonly tokens: OpaqueTokens;
  readonly directory: Pick<UserDirectory, "findById">;
  readonly entry: Entry;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

/** What the first step gives when there is a second one. */
export interface LoginChallenge {
  readonly challenge: string;
  readonly factors: readonly FactorName[];
  /** What the browser is asked for, when one of them is a passkey. */
  readonly passkeyOptions: JsonObject | undefined;
}

export type PresentedFactor =
  | { readonly name: "totp" | "recovery_code"; readonly code: string }
  | { readonly name: "passkey"; readonly response: JsonObject };

export interface SecondStep {
  readonly challenge: string;
  readonly factor: PresentedFactor;
  readonly deviceToken: string;
  readonly client: ClientFacts;
}

/** Whoever has typed for longer can begin again; a stolen one is soon worthless. */
export const challengeLifeMs = 5 * 60_000;

export class LoginCompletion {
  readonly #options: LoginCompletionOptions;

  constructor(options: LoginCompletionOptions) {
    this.#options = options;
  }

  /**
   * The challenge for a user whose first factor was right while the account had this hash (empty: no password): "none" when
   * that is all the account asks for, "void" when it was closed or has another password by now.
   */
  async challenge(
    { userId }: DirectoryUser,
    passwordHash: string,
    client: ClientFacts,
  ): Promise<LoginChallenge | "none" | "void"> {
    const { factors, passkeys, webauthn, challenges, tokens, clock, log } = this.#options;
    const offered = await factors.offered(userId);
    if (offered.length === 0) {
      return "none";
    }
    const { token, hash } = tokens.mint();
    const expiresAtMs = clock.now() + challengeLifeMs;
    const of = { purpose: "second_factor", userId, passwordHash } as const;
    if (!(await challenges.put({ challengeHash: hash, expiresAtMs, of }))) {
      return "void";
    }
    await log.record("login_challenged", { userId, ...originOf(client) });
    const passkeyOptions = offered.includes("passkey")
      ? await webauthn.requestOptions(token, await passkeys.list(userId))
      : undefined;
    return { challenge: token, factors: offered, passkeyOptions };
  }

  /** Throws "challenge_refused" (log in again), "code_wrong", "passkey_refused" or "unavailable". */
  async complete(step: SecondStep): Promise<Entered> {
    const { challenges, tokens, directory, entry, clock } = this.#options;
    const { challenge, factor, deviceToken, client } = step;
    const hash = tokens.hash(challenge);
    const found = await challenges.findSecondFactor(hash, clock.now());
    const user = found && (await directory.findById(found.userId));
    if (found === undefined || user === undefined) {
      throw challengeRefused();
    }
    const { userId, passwordHash } = found;
    const device = await entry.provenDevice(userId, deviceToken);
    await this.#use(factor, challenge, userId, device, client);
    if ((await challenges.take("second_factor", hash, clock.now())) === undefined) {
      throw challengeRefused();
    }
    const proof = { by: factor.name, device, passwordHash, secondFactor: true };
    const entered = await entry.open(user, client, proof);
    if (entered === undefined) {
      throw challengeRefused();
    }
    return entered;
  }

  async #use(
    factor: PresentedFactor,
    challenge: string,
    userId: string,
    device: OpaqueToken | undefined,
    client: ClientFacts,
  ): Promise<void> {
    const { factors, assertions } = this.#options;
    switch (factor.name) {
      case "totp": {
        const keys =
          device === undefined
            ? [{ kind: "totp" as const, id: userId }]
            : [{ kind: "device" as const, id: `totp ${userId} ${device.token}` }];
        return factors.useTotp({ userId, code: factor.code, keys, client });
      }
      case "recovery_code":
        return factors.useRecoveryCode({ userId, code: factor.code, client });
      case "passkey":
        await assertions.check({ response: factor.response, challenge, userId, client });
    }
  }
}

function challengeRefused(): AuthError {
  return new AuthError("challenge_refused", "this login has been completed, took too long or is void; log in again");
}
