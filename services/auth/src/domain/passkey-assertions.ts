import { originOf } from "./client-origin.ts";
import { AuthError } from "./errors.ts";
import type { Json, JsonObject, Passkey, PasskeyStore, WebAuthn } from "./factor-ports.ts";
import type { ClientFacts, WallClock } from "./ports.ts";
import type { SecurityLog } from "./security-events.ts";

export interface PasskeyAssertionsOptions {
  readonly store: Pick<PasskeyStore, "find" | "claimUse">;
  readonly webauthn: WebAuthn;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

export interface Assertion {
  readonly response: JsonObject;
  /** What it has to have signed. */
  readonly challenge: string;
  /** Whose passkey it has to be; undefined when that is what the passkey is to tell. */
  readonly userId: string | undefined;
  readonly client: ClientFacts;
}

/**
 * Whether a passkey has signed. Refusals all have the same words; what was wrong is in the trail. The counter is compared
 * and stored by one statement after the signature, so a copied key is noticed, and an assertion counts once.
 */
export class PasskeyAssertions {
  readonly #options: PasskeyAssertionsOptions;

  constructor(options: PasskeyAssertionsOptions) {
    this.#options = options;
  }

  /** The passkey, with its use noted. Throws "passkey_refused". */
  async check({ response, challenge, userId, client }: Assertion): Promise<Passkey> {
    const { store, webauthn, clock, log } = this.#options;
    const origin = originOf(client);
    const passkey = isCredentialId(response.id) ? await store.find(response.id) : undefined;
    if (passkey === undefined || !isOwned(passkey, userId, webauthn.userIdOf(response))) {
      await log.record("passkey_refused", { ...origin, ...(userId === undefined ? {} : { userId }), why: "unknown" });
      throw passkeyRefused();
    }
    const facts = { userId: passkey.userId, ...origin, passkey: passkey.id };
    const checked = await webauthn.checkAssertion(response, challenge, passkey);
    if (!checked.good) {
      await log.record("passkey_refused", { ...facts, why: checked.why });
      throw passkeyRefused();
    }
    const { counter, backedUp } = checked;
    if (!(await store.claimUse({ id: passkey.id, counter, backedUp, atMs: clock.now() }))) {
      await log.record("passkey_counter_regressed", { ...facts, before: passkey.counter, now: counter });
      throw passkeyRefused();
    }
    return passkey;
  }
}

/** base64url of 1023 bytes at the most. */
function isCredentialId(id: Json | undefined): id is string {
  return typeof id === "string" && /^[\w-]{1,1364}$/.test(id);
}

/** WebAuthn Level 3, 7.2 step 6: the user handle names the owner, and has to be there when nothing else does. */
function isOwned(passkey: Passkey, userId: string | undefined, named: string | undefined): boolean {
  return (userId ?? named) === passkey.userId && (named ?? userId) === passkey.userId;
}

export function passkeyRefused(): AuthError {
  return new AuthError("passkey_refused", "the passkey was not accepted; begin again");
}
