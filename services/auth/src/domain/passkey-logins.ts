import type { Entered, Entry } from "./entry.ts";
import type { ChallengeStore, JsonObject, WebAuthn } from "./factor-ports.ts";
import { challengeLifeMs } from "./login-completion.ts";
import { type PasskeyAssertions, passkeyRefused } from "./passkey-assertions.ts";
import type { ClientFacts, OpaqueTokens, UserDirectory, WallClock } from "./ports.ts";

export interface PasskeyLoginsOptions {
  readonly assertions: PasskeyAssertions;
  readonly webauthn: WebAuthn;
  readonly challenges: ChallengeStore;
  readonly tokens: OpaqueTokens;
  readonly directory: Pick<UserDirectory, "findById">;
  readonly entry: Entry;
  readonly clock: WallClock;
}

export interface PasskeyLogin {
  readonly response: JsonObject;
  readonly deviceToken: string;
  readonly client: ClientFacts;
}

/**
 * Login with a passkey alone: having the key and being verified by its keeper (a finger, a PIN) are two factors. Nobody is
 * named to begin with, so there is nothing to find out about accounts. An answer uses its challenge up, right or wrong.
 */
export class PasskeyLogins {
  readonly #options: PasskeyLoginsOptions;

  constructor(options: PasskeyLoginsOptions) {
    this.#options = options;
  }

  /** What the browser is to ask any passkey of this site for. */
  async begin(): Promise<JsonObject> {
    const { webauthn, challenges, tokens, clock } = this.#options;
    const { token, hash } = tokens.mint();
    const expiresAtMs = clock.now() + challengeLifeMs;
    await challenges.put({ challengeHash: hash, expiresAtMs, of: { purpose: "passkey_login" } });
    return webauthn.requestOptions(token, undefined);
  }

  /** Throws "passkey_refused" or "unavailable". */
  async finish({ response, deviceToken, client }: PasskeyLogin): Promise<Entered> {
    const { assertions, webauthn, challenges, tokens, directory, entry, clock } = this.#options;
    const challenge = webauthn.challengeOf(response);
    const taken = challenge && (await challenges.take("passkey_login", tokens.hash(challenge), clock.now()));
    if (challenge === undefined || !taken) {
      throw passkeyRefused();
    }
    const { userId } = await assertions.check({ response, challenge, userId: undefined, client });
    const user = await directory.findById(userId);
    const device = await entry.provenDevice(userId, deviceToken);
    const proof = { by: "passkey", device, passwordHash: undefined, secondFactor: true };
    const entered = user && (await entry.open(user, client, proof));
    if (entered === undefined) {
      throw passkeyRefused();
    }
    return entered;
  }
}
