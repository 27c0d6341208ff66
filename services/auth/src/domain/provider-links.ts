import { originOf } from "./client-origin.ts";
import { AuthError } from "./errors.ts";
import type { MailQueue } from "./mail-ports.ts";
import type { ClientFacts, WallClock } from "./ports.ts";
import type { ProviderDance } from "./provider-dance.ts";
import type { IdentityStore, LinkedIdentity, ProviderAnswer } from "./provider-ports.ts";
import type { Reauthentication, Shown } from "./reauthentication.ts";
import type { SecurityLog } from "./security-events.ts";
import type { SessionCaller } from "./sessions.ts";

export interface ProviderLinksOptions {
  readonly dance: ProviderDance;
  readonly identities: IdentityStore;
  readonly reauthentication: Reauthentication;
  readonly mails: MailQueue;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

/** A link as its owner sees it. */
export interface ProviderLink extends Pick<LinkedIdentity, "email" | "linkedAtMs"> {
  /** The provider's name; the issuer of one that is not configured any more. */
  readonly provider: string;
  readonly lastUsedAtMs?: number | undefined;
}

/**
 * Which providers can log in to an account. Adding a way in, like taking one away, is what a stolen access token must not do:
 * both take a recent login or the password, are in the trail, and are told by mail (ASVS 6.3.7, 7.5.1). A link is finished
 * by the session that began it, or not at all, so nobody can be made to link somebody else's identity to their account.
 */
export class ProviderLinks {
  readonly #options: ProviderLinksOptions;

  constructor(options: ProviderLinksOptions) {
    this.#options = options;
  }

  /** Throws what `Reauthentication.assertFull` and `ProviderDance.begin` throw. */
  async begin(
    caller: SessionCaller,
    request: { provider: string; redirectUri: string; shown: Shown },
  ): Promise<{ authorizationUrl: string; loginState: string }> {
    const { dance, reauthentication } = this.#options;
    await reauthentication.assertFull(caller, request.shown);
    return dance.begin(request.provider, request.redirectUri, ownerOf(caller));
  }

  /** Throws what `ProviderDance.finish` throws, and "identity_taken". */
  async finish(
    caller: SessionCaller,
    { loginState, answer, client }: { loginState: string; answer: ProviderAnswer; client: ClientFacts },
  ): Promise<ProviderLink> {
    const { dance, identities, mails, clock, log } = this.#options;
    const { userId, sessionId } = caller;
    const { provider, person } = await dance.finish(loginState, answer, ownerOf(caller), client);
    const { email } = await person.profile();
    const { issuer, subject } = person;
    const linkedAtMs = clock.now();
    const outcome = await identities.link({ userId, issuer, subject, email, linkedAtMs });
    if (outcome === "taken") {
      throw new AuthError("identity_taken", "this login is linked to another account");
    }
    if (outcome === "other") {
      throw new AuthError("identity_taken", "another login of this provider is linked: unlink it first");
    }
    if (outcome === "linked") {
      const origin = originOf(client);
      await log.record("provider_linked", { userId, sessionId, ...origin, provider: provider.name });
      await mails.notify({ kind: "provider_linked", userId, atMs: linkedAtMs, ...origin, provider: provider.label });
    }
    return { provider: provider.name, email, linkedAtMs };
  }

  async list(userId: string): Promise<readonly ProviderLink[]> {
    const { dance, identities } = this.#options;
    const nameOf = new Map(dance.providers.map(({ issuer, name }) => [issuer, name]));
    return (await identities.list(userId)).map((link) => ({
      ...link,
      provider: nameOf.get(link.issuer) ?? link.issuer,
    }));
  }

  /**
   * One that is not linked is no error. Throws "last_way_in" for what is the only way into the account, and what
   * `Reauthentication.assertFull` throws.
   */
  async unlink(caller: SessionCaller, request: { provider: string; shown: Shown }): Promise<void> {
    const { dance, identities, reauthentication, mails, clock, log } = this.#options;
    const { userId, sessionId } = caller;
    await reauthentication.assertFull(caller, request.shown);
    const provider = dance.providers.find(({ name }) => name === request.provider);
    const usable = dance.providers.map(({ issuer }) => issuer);
    const outcome = await identities.unlink(userId, provider?.issuer ?? request.provider, usable);
    if (outcome === "last") {
      throw new AuthError("last_way_in", "nothing else lets you in to your account: set a password first");
    }
    if (outcome === "removed") {
      const { address, userAgent } = request.shown.client;
      const origin = { address, userAgent };
      await log.record("provider_unlinked", { userId, sessionId, ...origin, provider: request.provider });
      const label = provider?.label ?? request.provider;
      await mails.notify({ kind: "provider_unlinked", userId, atMs: clock.now(), ...origin, provider: label });
    }
  }
}

function ownerOf({ userId, sessionId }: SessionCaller): { userId: string; sessionId: string } {
  return { userId, sessionId };
}
