import { type Logger, RedisAwayError, type RedisHandles } from "@weft/mesh";
import type { Change, Project, ProjectState, ProjectStore } from "../domain/ports.ts";

/**
 * Keeps projects that are read often in Redis, in front of the store (PROJ-11). A write puts its result there; a read
 * that found nothing puts what it read only where nothing stands, so that it cannot cover a newer write. While Redis is
 * away, reads go to the store and writes cannot tell the cache: an entry can so be stale for as long as it lives, 30 s.
 * Changes are unaffected, since they read the store under a lock.
 */
export interface ProjectCacheOptions {
  readonly store: ProjectStore;
  readonly redis: RedisHandles;
  readonly logger: Logger;
}

const lifetimeMs = 30_000;

export function cachedProjectStore({ store, redis, logger }: ProjectCacheOptions): ProjectStore {
  const key = (id: string): string => `project:cache:${id}`;

  async function quietly<T>(operation: () => Promise<T>): Promise<T | undefined> {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof RedisAwayError)) {
        logger.warn({ err: error }, "the project cache failed");
      }
      return undefined;
    }
  }

  return {
    create: (id, state, change) => store.create(id, state, change),
    find: async (id) => {
      const cached = await quietly(() => redis.commands.get(key(id)));
      if (cached !== undefined && cached !== null) {
        return JSON.parse(cached) as Project;
      }
      const project = await store.find(id);
      if (project !== undefined) {
        await quietly(() => redis.commands.set(key(id), JSON.stringify(project), "PX", lifetimeMs, "NX"));
      }
      return project;
    },
    change: async (id, change: Change, next: (current: Project) => ProjectState) => {
      const project = await store.change(id, change, next);
      if (project !== undefined) {
        await quietly(() => redis.commands.set(key(id), JSON.stringify(project), "PX", lifetimeMs));
      }
      return project;
    },
    remove: async (id) => {
      const removed = await store.remove(id);
      await quietly(() => redis.commands.del(key(id)));
      return removed;
    },
    listFor: (userId, pageSize, after) => store.listFor(userId, pageSize, after),
    listVersions: (id, pageSize, after) => store.listVersions(id, pageSize, after),
    findVersion: (id, version) => store.findVersion(id, version),
    members: (id) => store.members(id),
    putMember: (id, member, addedBy) => store.putMember(id, member, addedBy),
    removeMember: (id, userId) => store.removeMember(id, userId),
    announce: (id, collaborator) => store.announce(id, collaborator),
    collaborators: (id, seenSinceMs) => store.collaborators(id, seenSinceMs),
  };
}
