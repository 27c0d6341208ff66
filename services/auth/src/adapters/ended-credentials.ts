import type { EndedSessions } from "./revocation-publisher.ts";

/** Logins and API keys that ended, as one: their access tokens are void alike. An id is known to one of them only. */
export function endedCredentials(sources: readonly EndedSessions[]): EndedSessions {
  const all = async (
    ask: (source: EndedSessions) => ReturnType<EndedSessions["endedSince"]>,
  ): ReturnType<EndedSessions["endedSince"]> => (await Promise.all(sources.map(ask))).flat();
  return {
    unannounced: (sinceMs, limit) => all((source) => source.unannounced(sinceMs, limit)),
    endedSince: (sinceMs) => all((source) => source.endedSince(sinceMs)),
    async markAnnounced(sessionIds, atMs) {
      await Promise.all(sources.map((source) => source.markAnnounced(sessionIds, atMs)));
    },
  };
}
