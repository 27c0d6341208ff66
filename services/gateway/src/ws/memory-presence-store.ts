import {
  mostListedUsers,
  type PresenceSnapshot,
  type PresenceStore,
  type PresenceTimes,
  presenceSubject,
  presenceTimes,
  userOfMember,
} from "./presence-store.ts";

/** When each member is gone, and since when each user is there. */
interface Occupants {
  readonly ends: Map<string, number>;
  readonly since: Map<string, number>;
}

/**
 * In the memory of this process, for tests and for a gateway that is alone. `announce` stands for the broker; stores that
 * are given the same `channels` are one. Time is in whole milliseconds, as Redis has it: with fractions, a time that is
 * added to now and taken from it again is another one.
 */
export function createMemoryPresenceStore(options: {
  readonly nowMs: () => number;
  readonly announce: (subject: string) => void;
  readonly times?: PresenceTimes;
  readonly channels?: Map<string, Occupants>;
}): PresenceStore {
  const { nowMs, announce, times = presenceTimes, channels = new Map<string, Occupants>() } = options;
  return {
    times,
    update: async (name, { here, leaving }) => {
      const now = Math.trunc(nowMs());
      const { ends, since } = channels.get(name) ?? { ends: new Map(), since: new Map() };
      channels.set(name, { ends, since });
      for (const [member, endMs] of ends) {
        if (endMs <= now) {
          ends.delete(member);
        }
      }
      let changed = false;
      const users = new Set([...ends.keys()].map(userOfMember));
      for (const member of here) {
        changed ||= !users.has(userOfMember(member));
        ends.set(member, now + times.ttlMs);
      }
      for (const member of leaving) {
        const endMs = ends.get(member);
        if (endMs !== undefined && endMs > now + times.graceMs) {
          ends.set(member, now + times.graceMs);
          changed = true;
        }
      }
      const snapshot = snapshotOf(ends, since, now);
      if (changed) {
        announce(presenceSubject(name));
      }
      return snapshot;
    },
  };
}

function snapshotOf(ends: Map<string, number>, since: Map<string, number>, now: number): PresenceSnapshot {
  const counts = new Map<string, number>();
  for (const member of ends.keys()) {
    const userId = userOfMember(member);
    counts.set(userId, (counts.get(userId) ?? 0) + 1);
  }
  for (const userId of [...since.keys()]) {
    if (!counts.has(userId)) {
      since.delete(userId);
    }
  }
  const clients = [...counts].map(([userId, connections]) => {
    const sinceMs = since.get(userId) ?? now;
    since.set(userId, sinceMs);
    return { userId, connections, sinceMs };
  });
  return {
    users: counts.size,
    connections: ends.size,
    clients: counts.size > mostListedUsers ? undefined : clients,
    nextEndMs: ends.size === 0 ? undefined : Math.min(...ends.values()) - now,
  };
}
