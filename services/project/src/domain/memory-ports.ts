/**
 * The ports of the project domain in memory, for its tests: each keeps what it was told, writes down in `log` what was
 * done in which order, and fails once when a test says so with `failNext`.
 */
import { ProjectError } from "./errors.ts";
import { importArchitecture } from "./formats.ts";
import type {
  Access,
  ChangeNotice,
  Collaborator,
  Directory,
  Importer,
  Member,
  PresenceFeed,
  PresenceNotice,
  Project,
  ProjectPermission,
  ProjectState,
  ProjectStore,
  ProjectVersion,
  Template,
  TemplateStore,
} from "./ports.ts";

export interface MemoryPorts {
  readonly store: ProjectStore;
  readonly templateStore: TemplateStore;
  readonly access: Access;
  readonly directory: Directory;
  readonly feed: PresenceFeed;
  readonly importer: Importer;
  readonly notices: ChangeNotice[];
  readonly presences: PresenceNotice[];
  /** Writes in their order: "grant ada owner", "putMember ada owner". */
  readonly log: string[];
  /** "<user> <project>" to role. */
  readonly roles: Map<string, string>;
  /** The next operation of this name fails before it does anything. */
  failNext(operation: string): void;
}

const allowed: Record<string, readonly ProjectPermission[]> = {
  viewer: ["project.read"],
  editor: ["project.read", "project.write"],
  owner: ["project.read", "project.write", "project.share", "project.delete"],
  admin: ["project.read", "project.write", "project.share", "project.delete"],
};

/** `users` maps names to ids; `admin` has every right everywhere. */
export function createMemoryPorts(users: Record<string, string>): MemoryPorts {
  const projects = new Map<string, Project>();
  const versions = new Map<string, (ProjectVersion & ProjectState)[]>();
  const members = new Map<string, Map<string, Member>>();
  const present = new Map<string, Map<string, Collaborator>>();
  const templates = new Map<string, { template: Template; ownerId: string }>();
  const roles = new Map<string, string>();
  const notices: ChangeNotice[] = [];
  const presences: PresenceNotice[] = [];
  const log: string[] = [];
  const failing = new Set<string>();

  async function done(operation: string, ...what: string[]): Promise<void> {
    if (failing.delete(operation)) {
      throw new ProjectError("unavailable", `${operation} failed`);
    }
    log.push([operation, ...what].join(" "));
  }

  const store: ProjectStore = {
    create: async (id, state, { by, what, atMs }) => {
      await done("create", id);
      const project = { id, ...state, version: 1, ownerId: by.userId, createdAtMs: atMs, updatedAtMs: atMs };
      projects.set(id, project);
      versions.set(id, [{ ...state, version: 1, changedBy: by.userId, change: what, createdAtMs: atMs }]);
      members.set(id, new Map([[by.userId, { userId: by.userId, role: "owner", addedAtMs: atMs }]]));
      return project;
    },
    find: async (id) => projects.get(id),
    change: async (id, { by, what, atMs }, next) => {
      const current = projects.get(id);
      if (current === undefined) return undefined;
      const state = next(current);
      const { name, description, architecture } = current;
      if (
        JSON.stringify([state.name, state.description, state.architecture]) ===
        JSON.stringify([name, description, architecture])
      ) {
        return current;
      }
      await done("change", id);
      const version = current.version + 1;
      const project = { ...current, ...state, version, updatedAtMs: atMs };
      projects.set(id, project);
      versions.get(id)?.push({ ...state, version, changedBy: by.userId, change: what, createdAtMs: atMs });
      notices.push({ type: "updated", projectId: id, version, change: what, by, atMs });
      return project;
    },
    remove: async (id) => {
      await done("remove", id);
      members.delete(id);
      return projects.delete(id);
    },
    tellRemoved: async (id, { by, atMs }) => void notices.push({ type: "deleted", projectId: id, by, atMs }),
    listFor: async (userId) => ({
      items: [...projects.values()].flatMap(({ architecture, ...project }) => {
        const member = members.get(project.id)?.get(userId);
        if (member === undefined) return [];
        return [{ ...project, componentCount: architecture.components.length, role: member.role }];
      }),
      next: undefined,
    }),
    listVersions: async (id) => ({
      items: projects.has(id) ? [...(versions.get(id) ?? [])].reverse() : [],
      next: undefined,
    }),
    findVersion: async (id, version) => versions.get(id)?.find((one) => one.version === version),
    history: async (id, sinceMs, mostContributions) => {
      const all = projects.has(id) ? (versions.get(id) ?? []) : [];
      const contributions = [...Map.groupBy(all, (one) => one.changedBy)].map(([userId, own]) => ({
        userId,
        changes: own.length,
        lastAtMs: Math.max(...own.map((one) => one.createdAtMs)),
      }));
      return {
        changes: all.length,
        changesSince: sinceMs.map((since) => all.filter((one) => one.createdAtMs >= since).length),
        contributions: contributions
          .sort((a, b) => b.changes - a.changes || b.lastAtMs - a.lastAtMs)
          .slice(0, mostContributions),
      };
    },
    members: async (id) => [...(members.get(id)?.values() ?? [])],
    putMember: async (id, member, { by, atMs }) => {
      await done("putMember", member.userId, member.role);
      members.get(id)?.set(member.userId, member);
      if (members.has(id)) notices.push({ type: "members", projectId: id, by, atMs });
      return members.has(id);
    },
    stepDown: async (id, userId, role) => {
      const member = members.get(id)?.get(userId);
      const others = [...(members.get(id)?.values() ?? [])].filter((one) => one.userId !== userId);
      if (member === undefined || !others.some((one) => one.role === "owner")) return false;
      await done("stepDown", userId, role);
      members.get(id)?.set(userId, { ...member, role });
      return true;
    },
    removeMember: async (id, userId, { by, atMs }) => {
      await done("removeMember", userId);
      const removed = members.get(id)?.delete(userId) ?? false;
      if (removed) notices.push({ type: "members", projectId: id, by, atMs });
      return removed;
    },
    announce: async (id, collaborator) => {
      if (!projects.has(id)) return false;
      present.set(id, (present.get(id) ?? new Map()).set(collaborator.userId, collaborator));
      return true;
    },
    collaborators: async (id, seenSinceMs) =>
      [...(present.get(id)?.values() ?? [])].filter((one) => one.lastSeenAtMs >= seenSinceMs),
  };

  return {
    store,
    templateStore: {
      listOf: async (ownerId) =>
        [...templates.values()].filter((one) => one.ownerId === ownerId).map((one) => one.template),
      countOf: async (ownerId) => [...templates.values()].filter((one) => one.ownerId === ownerId).length,
      find: async (id, ownerId) => {
        const found = templates.get(id);
        return found?.ownerId === ownerId ? found.template : undefined;
      },
      create: async (template, ownerId) => void templates.set(template.id, { template, ownerId }),
      update: async (template, ownerId) => {
        if (templates.get(template.id)?.ownerId !== ownerId) return false;
        templates.set(template.id, { template, ownerId });
        return true;
      },
      remove: async (id, ownerId) => templates.get(id)?.ownerId === ownerId && templates.delete(id),
    },
    access: {
      check: async (userId, permission, projectId) => {
        const role = userId === "admin" ? "admin" : (roles.get(`${userId} ${projectId}`) ?? "");
        return { allowed: allowed[role]?.includes(permission) ?? false, role };
      },
      grant: async (userId, role, projectId) => {
        await done("grant", userId, role);
        roles.set(`${userId} ${projectId}`, role);
      },
      revoke: async (userId, projectId) => {
        await done("revoke", userId);
        roles.delete(`${userId} ${projectId}`);
      },
      revokeAll: async (projectId) => {
        await done("revokeAll", projectId);
        for (const key of [...roles.keys()]) if (key.endsWith(` ${projectId}`)) roles.delete(key);
      },
    },
    directory: {
      find: async (who) => {
        const [username, userId] =
          Object.entries(users).find(([name, id]) =>
            "userId" in who ? id === who.userId : "username" in who ? name === who.username : who.email === `${name}@x`,
          ) ?? [];
        return username === undefined || userId === undefined ? undefined : { userId, username };
      },
      usernames: async (ids) =>
        new Map(Object.entries(users).flatMap(([name, id]) => (ids.includes(id) ? [[id, name] as const] : []))),
    },
    feed: { publish: async (notice) => void presences.push(notice) },
    importer: { read: async (format, content) => importArchitecture(format, content) },
    notices,
    presences,
    log,
    roles,
    failNext: (operation) => void failing.add(operation),
  };
}
