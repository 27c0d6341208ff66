/**
 * The way through a provider and back (OpenID Connect, code flow with PKCE; RFC 9700), for logins and for links.
 *
 * The client gets a token and keeps it where its browser alone finds it. State, nonce and proof key are derived from that
 * token, so an answer fits one browser's one login: whoever lures somebody else's browser to the redirect address has no
 * token to go with it (login CSRF), and a code that was meant for another login fails at the provider (proof key) and, if not
 * there, here (nonce). A dance is used up before the code is: it succeeds once or fails once. A wrong state uses up nothing,
 * else a forged answer could spoil the login that is under way.
 */
import { originOf } from "./client-origin.ts";
import { AuthError } from "./errors.ts";
import type { ClientFacts, WallClock } from "./ports.ts";
import type {
  DanceStore,
  DanceTokens,
  IdentityProvider,
  PendingDance,
  ProviderAnswer,
  ProviderPerson,
} from "./provider-ports.ts";
import type { SecurityLog } from "./security-events.ts";

export interface ProviderDanceOptions {
  readonly providers: readonly IdentityProvider[];
  /** Where providers may send browsers back to; nothing else is accepted. */
  readonly redirectUris: readonly string[];
  readonly dances: DanceStore;
  readonly tokens: DanceTokens;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

/** RFC 6749, 4.1.2 wants codes to live that long at the most; nobody needs longer for a login page. */
const danceMs = 10 * 60_000;

export class ProviderDance {
  readonly #options: ProviderDanceOptions;

  constructor(options: ProviderDanceOptions) {
    this.#options = options;
  }

  get providers(): readonly IdentityProvider[] {
    return this.#options.providers;
  }

  /** Throws "provider_unknown", "field_invalid" naming `redirectUri`, or "provider_unavailable". */
  async begin(
    name: string,
    redirectUri: string,
    owner: PendingDance["owner"],
  ): Promise<{ authorizationUrl: string; loginState: string }> {
    const { redirectUris, dances, tokens, clock } = this.#options;
    const provider = this.#provider(name);
    if (!redirectUris.includes(redirectUri)) {
      const description = "is none of the addresses that are configured";
      throw new AuthError("field_invalid", `redirectUri ${description}`, {
        fields: [{ field: "redirectUri", description }],
      });
    }
    const loginState = tokens.mint();
    const authorizationUrl = await provider.authorizationUrl(redirectUri, tokens.secrets(loginState));
    const expiresAtMs = clock.now() + danceMs;
    await dances.put({ tokenHash: tokens.hash(loginState), provider: name, redirectUri, owner, expiresAtMs });
    return { authorizationUrl, loginState };
  }

  /**
   * Whom the provider vouches for. Throws "login_state_refused", "provider_refused", which are in the trail, or
   * "provider_unavailable".
   */
  async finish(
    loginState: string,
    answer: ProviderAnswer,
    owner: PendingDance["owner"],
    client: ClientFacts,
  ): Promise<{ provider: IdentityProvider; person: ProviderPerson }> {
    const { dances, tokens, clock, log } = this.#options;
    const secrets = tokens.secrets(loginState);
    const dance = answer.state === secrets.state ? await dances.take(tokens.hash(loginState), clock.now()) : undefined;
    const origin = originOf(client);
    if (dance === undefined || !sameOwner(dance.owner, owner)) {
      await log.record("provider_login_failed", { ...owner, ...origin, reason: "login_state_refused" });
      throw new AuthError("login_state_refused", "this login is unknown, finished or too old; begin again");
    }
    const provider = this.#provider(dance.provider);
    try {
      if (answer.error !== "" || answer.code === "") {
        throw new AuthError("provider_refused", "the provider did not log you in", { detail: "no_code" });
      }
      return { provider, person: await provider.exchange(answer, dance.redirectUri, secrets) };
    } catch (error) {
      if (error instanceof AuthError) {
        const reason = error.detail ?? error.kind;
        await log.record("provider_login_failed", { ...owner, ...origin, provider: provider.name, reason });
      }
      throw error;
    }
  }

  #provider(name: string): IdentityProvider {
    const provider = this.#options.providers.find((one) => one.name === name);
    if (provider === undefined) {
      throw new AuthError("provider_unknown", `there is no provider "${name}"`);
    }
    return provider;
  }
}

function sameOwner(a: PendingDance["owner"], b: PendingDance["owner"]): boolean {
  return a?.userId === b?.userId && a?.sessionId === b?.sessionId;
}
