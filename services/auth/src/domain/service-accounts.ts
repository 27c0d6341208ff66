/**
 * Service accounts: users that are programs (AUTH-23). One has a user id of its own, so it can be given a role like anybody;
 * it is owned by the user who made it, acts by its keys alone, and has no password that could be right. To others it is
 * `service:<name>`, which no person's username can be. The user service does not know it: whoever asks about users here
 * asks a directory that knows both.
 */
import type { ServiceAccount, ServiceAccountStore } from "./api-key-ports.ts";
import { AuthError } from "./errors.ts";
import type { DirectoryUser, IdSource, RevocationAnnouncer, WallClock } from "./ports.ts";
import type { Reauthentication } from "./reauthentication.ts";
import type { SecurityLog } from "./security-events.ts";
import type { SessionCaller } from "./sessions.ts";

export interface ServiceAccountsOptions {
  readonly store: ServiceAccountStore;
  readonly reauthentication: Reauthentication;
  readonly revocations: RevocationAnnouncer;
  readonly clock: WallClock;
  readonly ids: IdSource;
  readonly log: SecurityLog;
}

const mostServiceAccounts = 20;

export class ServiceAccounts {
  readonly #options: ServiceAccountsOptions;

  constructor(options: ServiceAccountsOptions) {
    this.#options = options;
  }

  /** Throws what `Reauthentication.assertRecent` throws, "field_taken", and "too_many" beyond 20. */
  async create(caller: SessionCaller, name: string, password: string): Promise<ServiceAccount> {
    const { store, reauthentication, clock, ids, log } = this.#options;
    await reauthentication.assertRecent(caller, password);
    const { userId: ownerId, sessionId } = caller;
    const account = { userId: ids.id(), ownerId, name, createdAtMs: clock.now() };
    switch (await store.add(account, mostServiceAccounts)) {
      case "too_many":
        throw new AuthError("too_many", `nobody can have more than ${mostServiceAccounts} service accounts`);
      case "name_taken":
        throw new AuthError("field_taken", `you have a service account ${name} already`, {
          fields: [{ field: "name", description: "is taken" }],
        });
      case "owner_unknown":
        throw new AuthError("user_unknown", "your account is not there any more");
      case "added":
        await log.record("service_account_created", { userId: ownerId, sessionId, subjectId: account.userId });
        return account;
    }
  }

  list(ownerId: string): Promise<readonly ServiceAccount[]> {
    return this.#options.store.list(ownerId);
  }

  /** Ends its keys and its roles with it. Throws what `assertRecent` throws, and "service_account_unknown". */
  async remove(caller: SessionCaller, userId: string, password: string): Promise<void> {
    const { store, reauthentication, revocations, clock, log } = this.#options;
    await reauthentication.assertRecent(caller, password);
    const { userId: ownerId, sessionId } = caller;
    const keys = await store.remove(userId, ownerId, clock.now());
    if (keys === undefined) {
      throw new AuthError("service_account_unknown", "there is no such service account of yours");
    }
    await revocations.announce(keys);
    await log.record("service_account_deleted", { userId: ownerId, sessionId, subjectId: userId, keys: keys.length });
  }
}

/** Asks about a user, unless it is a service account: those are known here and nowhere else. */
export function orServiceAccount<T>(
  serviceAccounts: Pick<ServiceAccountStore, "find">,
  ask: (userId: string) => Promise<T>,
): (userId: string) => Promise<T | DirectoryUser> {
  return async (userId) => {
    const account = await serviceAccounts.find(userId);
    return account === undefined ? ask(userId) : asUser(account);
  };
}

function asUser({ userId, name, createdAtMs }: ServiceAccount): DirectoryUser {
  return { userId, username: `service:${name}`, email: "", firstName: "", lastName: "", createdAtMs };
}
