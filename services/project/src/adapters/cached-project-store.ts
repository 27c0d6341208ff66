import { type Logger, RedisAwayError, type RedisHandles } from "@weft/mesh";
import type { Change, Project, ProjectState, ProjectStore } from "../domain/ports.ts";

/**
 * Keeps projects that are read often in Redis, in front of the store (PROJ-11). An entry knows its version and is only
 * ever replaced by a newer one: two changes whose news cross on the way, or a slow read beside a change, cannot put an
 * old state back. A deletion is an entry too, newer than every version. While Redis is away, reads go to the store and
 * writes cannot tell the cache: an entry can so be stale for as long as it lives, 30 s. Changes are unaffected, since
 * they read the store under a lock.
 */
export interface ProjectCacheOptions {
  readonly store: ProjectStore;
  readonly redis: RedisHandles;
  readonly logger: Logger;
}

const lifetimeMs = 30_000;
/** Beyond every version. */
const deleted = 2 ** 31;

/** Sets KEYS[1] to version ARGV[1] with text ARGV[2] for ARGV[3] ms, unless it holds the same version or a newer one. */
const putNewer = `
local held = redis.call("HGET", KEYS[1], "version")
if held and tonumber(held) >= tonumber(ARGV[1]) then return 0 end
redis.call("HSET", KEYS[1], "version", ARGV[1], "project", ARGV[2])
redis.call("PEXPIRE", KEYS[1], ARGV[3])
return 1`;

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

  const put = (id: string, version: number, text: string): Promise<unknown> =>
    quietly(() => redis.commands.eval(putNewer, 1, key(id), version, text, lifetimeMs));

  return {
    create: (id, state, change) => store.create(id, state, change),
    find: async (id) => {
      const cached = await quietly(async () => {
        const text = await redis.commands.hget(key(id), "project");
        return text === null || text === "" ? undefined : (JSON.parse(text) as Project);
      });
      if (cached !== undefined) {
        return cached;
      }
      const project = await store.find(id);
      if (project !== undefined) {
        await put(id, project.version, JSON.stringify(project));
      }
      return project;
    },
    change: async (id, change: Change, next: (current: Project) => ProjectState) => {
      const project = await store.change(id, change, next);
      if (project !== undefined) {
        await put(id, project.version, JSON.stringify(project));
      }
      return project;
    },
    remove: async (id) => {
      const removed = await store.remove(id);
      await put(id, deleted, "");
      return removed;
    },
    tellRemoved: (id, change) => store.tellRemoved(id, change),
    listFor: (userId, pageSize, after) => store.listFor(userId, pageSize, after),
    listVersions: (id, pageSize, after) => store.listVersions(id, pageSize, after),
    findVersion: (id, version) => store.findVersion(id, version),
    history: (id, sinceMs, mostContributions) => store.history(id, sinceMs, mostContributions),
    members: (id) => store.members(id),
    putMember: (id, member, change) => store.putMember(id, member, change),
    stepDown: (id, userId, role) => store.stepDown(id, userId, role),
    removeMember: (id, userId, change) => store.removeMember(id, userId, change),
    announce: (id, collaborator) => store.announce(id, collaborator),
    collaborators: (id, seenSinceMs) => store.collaborators(id, seenSinceMs),
  };
}
