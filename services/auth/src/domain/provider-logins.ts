/**
 * Login through a provider. A person is who the provider says they are, by its issuer and their subject, never by an address:
 * addresses are handed on, and some providers let people claim any. So a first login whose address another account has is
 * not let in to that account; its owner logs in there and links the provider (`ProviderLinks`). Any other first login makes
 * an account without a password, in the steps of a signup, with the address as proved if the provider is trusted with that.
 *
 * The provider stands for the first factor only: an account with a second one is given a challenge (login-completion.ts).
 */
import type { Accounts } from "./accounts.ts";
import type { Entered, Entry } from "./entry.ts";
import { AuthError } from "./errors.ts";
import type { LoginCompletion } from "./login-completion.ts";
import type { Admission } from "./logins.ts";
import type { AccountStore, ClientFacts, IdSource, UserDirectory, WallClock } from "./ports.ts";
import type { ProviderDance } from "./provider-dance.ts";
import type { IdentityStore, ProviderAnswer, ProviderPerson } from "./provider-ports.ts";
import { usernameFrom, usernameWith } from "./provider-username.ts";
import type { SecurityLog } from "./security-events.ts";

export interface ProviderLoginsOptions {
  readonly dance: ProviderDance;
  readonly identities: IdentityStore;
  readonly directory: Pick<UserDirectory, "findById">;
  readonly accounts: Pick<Accounts, "signUpByProvider">;
  readonly credentials: Pick<AccountStore, "findPasswordHash">;
  readonly completion: Pick<LoginCompletion, "challenge">;
  readonly entry: Pick<Entry, "open" | "provenDevice">;
  readonly clock: WallClock;
  readonly ids: IdSource;
  readonly log: SecurityLog;
}

export interface FinishedLogin {
  readonly loginState: string;
  readonly answer: ProviderAnswer;
  /** What an earlier login from this device gave; empty without one. */
  readonly deviceToken: string;
  readonly client: ClientFacts;
}

/** Lengths of what is put behind a name that is taken; nobody is unlucky that often. */
const suffixLengths = [0, 4, 4, 8, 8];

export class ProviderLogins {
  readonly #options: ProviderLoginsOptions;

  constructor(options: ProviderLoginsOptions) {
    this.#options = options;
  }

  list(): readonly { readonly name: string; readonly label: string }[] {
    return this.#options.dance.providers.map(({ name, label }) => ({ name, label }));
  }

  begin(provider: string, redirectUri: string): Promise<{ authorizationUrl: string; loginState: string }> {
    return this.#options.dance.begin(provider, redirectUri, undefined);
  }

  /**
   * Throws what `ProviderDance.finish` throws, "account_exists" when another account has the address, "address_missing" when
   * the provider tells none.
   */
  async finish(login: FinishedLogin): Promise<{ admission: Admission; created: boolean }> {
    const { dance, log } = this.#options;
    const { loginState, answer, client } = login;
    const { provider, person } = await dance.finish(loginState, answer, undefined, client);
    const known = await this.#logInKnown(person, provider.name, login);
    if (known !== undefined) {
      return { admission: known, created: false };
    }
    try {
      return { admission: await this.#signUp(person, provider.name, client), created: true };
    } catch (error) {
      // The same person at once in another window: that one made the account.
      const made = isTaken(error) ? await this.#logInKnown(person, provider.name, login) : undefined;
      if (made !== undefined) {
        return { admission: made, created: false };
      }
      if (error instanceof AuthError && error.kind === "account_exists") {
        const { address, userAgent } = client;
        await log.record("provider_login_failed", { address, userAgent, provider: provider.name, reason: error.kind });
      }
      throw error;
    }
  }

  async #logInKnown(
    person: ProviderPerson,
    provider: string,
    { deviceToken, client }: FinishedLogin,
  ): Promise<Admission | undefined> {
    const { identities, directory, credentials, completion, entry, clock } = this.#options;
    const userId = await identities.use(person, clock.now());
    const user = userId === undefined ? undefined : await directory.findById(userId);
    if (user === undefined) {
      return undefined;
    }
    // What is begun now is for the account as it is now: another password makes it void, as after a password.
    const passwordHash = (await credentials.findPasswordHash(user.userId)) ?? "";
    const challenge = await completion.challenge(user, passwordHash, client);
    const device = await entry.provenDevice(user.userId, deviceToken);
    const proof = { by: `provider ${provider}`, device, passwordHash, secondFactor: false };
    const admission = challenge === "none" ? await entry.open(user, client, proof) : challenge;
    if (admission === undefined || admission === "void") {
      throw new AuthError("provider_refused", "the account was changed meanwhile; begin again", { detail: "changed" });
    }
    return admission;
  }

  async #signUp(person: ProviderPerson, via: string, client: ClientFacts): Promise<Entered> {
    const { accounts, ids } = this.#options;
    const { issuer, subject } = person;
    const profile = await person.profile();
    const { email, emailVerified, firstName, lastName } = profile;
    if (email === "") {
      throw new AuthError("address_missing", "the provider does not tell your address, and an account needs one");
    }
    const name = usernameFrom(profile);
    for (const length of suffixLengths) {
      const username = length === 0 ? name : usernameWith(ids.id().slice(0, length), name);
      try {
        const user = { username, email, firstName, lastName };
        return await accounts.signUpByProvider({
          ...user,
          client,
          via,
          identity: { issuer, subject, email, emailVerified },
        });
      } catch (error) {
        const taken = error instanceof AuthError && error.kind === "field_taken" ? error.fields : [];
        if (taken.some(({ field }) => field === "email")) {
          throw new AuthError(
            "account_exists",
            "there is an account with this address: log in to it and link the provider",
            {
              cause: error,
            },
          );
        }
        if (taken.length === 0) {
          throw error;
        }
      }
    }
    throw new AuthError("unavailable", "no free username was found; try again");
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof AuthError && (error.kind === "account_exists" || error.kind === "identity_taken");
}
