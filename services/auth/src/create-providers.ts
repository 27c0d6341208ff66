/** Joins what logs in through OpenID providers; a part of `createAuth`. */
import type { Clock, Database, Logger } from "@weft/mesh";
import { createDanceTokens } from "./adapters/dance-tokens.ts";
import { createOpenIdProvider, type OpenIdProviderOptions } from "./adapters/openid-provider.ts";
import { createPostgresDanceStore, createPostgresIdentityStore } from "./adapters/postgres-provider-store.ts";
import type { UpkeepTask } from "./adapters/upkeep.ts";
import type { MailQueue } from "./domain/mail-ports.ts";
import { ProviderDance } from "./domain/provider-dance.ts";
import { ProviderLinks } from "./domain/provider-links.ts";
import { ProviderLogins, type ProviderLoginsOptions } from "./domain/provider-logins.ts";
import type { Reauthentication } from "./domain/reauthentication.ts";

export interface ProvidersDependencies extends Omit<ProviderLoginsOptions, "dance" | "identities" | "clock"> {
  readonly providers: readonly OpenIdProviderOptions[];
  readonly redirectUris: readonly string[];
  readonly database: Database;
  readonly keySecret: string;
  readonly reauthentication: Reauthentication;
  readonly mails: MailQueue;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Providers {
  readonly logins: ProviderLogins;
  readonly links: ProviderLinks;
  readonly upkeep: UpkeepTask;
}

export function createProviders(dependencies: ProvidersDependencies): Providers {
  const { providers, redirectUris, database, keySecret, reauthentication, mails, clock, logger, log } = dependencies;
  const dances = createPostgresDanceStore(database);
  const identities = createPostgresIdentityStore(database);
  const dance = new ProviderDance({
    providers: providers.map((provider) => createOpenIdProvider(provider, { clock, logger })),
    redirectUris,
    dances,
    tokens: createDanceTokens(keySecret),
    clock,
    log,
  });
  return {
    logins: new ProviderLogins({ ...dependencies, dance, identities }),
    links: new ProviderLinks({ dance, identities, reauthentication, mails, clock, log }),
    upkeep: { name: "old-provider-logins", everyMs: 600_000, run: () => dances.removeOld(clock.now()) },
  };
}
