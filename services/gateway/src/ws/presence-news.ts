import type { PresenceSnapshot } from "./presence-store.ts";

/** What watchers are told of the difference between two snapshots; without names in a channel that is only counted. */
export interface PresenceNews {
  readonly users: number;
  readonly joined?: readonly string[];
  readonly left?: readonly string[];
}

/**
 * Undefined when there is nothing to tell: more connections of those who are there are no news. A channel that is small
 * enough again has everybody join: who was only told numbers keeps no list.
 */
export function presenceNews(told: PresenceSnapshot, now: PresenceSnapshot): PresenceNews | undefined {
  if (now.clients === undefined) {
    return told.clients === undefined && told.users === now.users ? undefined : { users: now.users };
  }
  const before = new Set(told.clients?.map(({ userId }) => userId));
  const joined: string[] = [];
  for (const { userId } of now.clients) {
    if (!before.delete(userId)) {
      joined.push(userId);
    }
  }
  const left = [...before];
  const same = told.clients !== undefined && joined.length === 0 && left.length === 0;
  return same ? undefined : { users: now.users, joined, left };
}
