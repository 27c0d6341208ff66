/**
 * Remembers users for a few seconds, for look-ups that decide nothing (`GetUserContext`, `ValidateUser`). The user
 * service says over pub/sub when a user has changed, and every instance forgets that one; should a notice be lost, or
 * the broker be away, the entry is at most ten seconds old. A gap forgets everything. A look-up that began before a
 * notice is not kept: it may have read the old row.
 */
import { type Clock, type PubSub, RecentMap } from "@weft/mesh";
import type { DirectoryUser, UserDirectory } from "../domain/ports.ts";

export interface CachedUserDirectoryOptions {
  readonly directory: Pick<UserDirectory, "findById">;
  readonly pubsub: PubSub;
  readonly clock: Clock;
}

export type CachedUserDirectory = Pick<UserDirectory, "findById"> & { close(): Promise<void> };

/** The payload of a notice on it is a user id. */
const userChangesChannel = "user:changes";
const maxAgeMs = 10_000;
const rememberedUsers = 10_000;

export async function createCachedUserDirectory(options: CachedUserDirectoryOptions): Promise<CachedUserDirectory> {
  const { directory, pubsub, clock } = options;
  let remembered = new RecentMap<string, { user: DirectoryUser; untilMs: number }>(rememberedUsers);
  let notices = 0;
  const forgetAll = () => {
    notices += 1;
    remembered = new RecentMap(rememberedUsers);
  };
  const unsubscribe = await pubsub.subscribe(
    userChangesChannel,
    (_channel, payload) => {
      notices += 1;
      remembered.delete(payload.toString("utf8"));
    },
    { onGap: forgetAll },
  );
  return {
    async findById(userId) {
      const entry = remembered.get(userId);
      if (entry !== undefined && clock.monotonicMs() < entry.untilMs) {
        return entry.user;
      }
      const before = notices;
      const user = await directory.findById(userId);
      if (user !== undefined && notices === before) {
        remembered.set(userId, { user, untilMs: clock.monotonicMs() + maxAgeMs });
      }
      return user;
    },
    close: unsubscribe,
  };
}
