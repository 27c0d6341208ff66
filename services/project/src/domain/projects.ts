import type { PartialArchitecture } from "./architecture/architecture.ts";
import { completeArchitecture } from "./architecture/complete-architecture.ts";
import type { Finding } from "./architecture/import-result.ts";
import { ProjectError } from "./errors.ts";
import { exportArchitecture, type Format } from "./formats.ts";
import type {
  Access,
  Caller,
  Change,
  Collaborator,
  Contribution,
  Directory,
  Importer,
  Member,
  Page,
  PresenceFeed,
  Project,
  ProjectPermission,
  ProjectState,
  ProjectStore,
  ProjectSummary,
  ProjectVersion,
  Role,
} from "./ports.ts";
import { type ProjectActivity, type ProjectAnalytics, projectAnalytics } from "./project-analytics.ts";
import { assertStorable, unstorableText } from "./storable-text.ts";
import type { Templates } from "./templates.ts";

/**
 * The rules about projects. Every operation asks the auth service first (PROJ-06). Whoever has no role on a project is
 * told that it does not exist, so that ids cannot be probed; whoever has a role that does not suffice is told so.
 *
 * Roles live in the auth service, and who a project is shared with is kept here too, for lists. A role is granted before
 * it is listed and revoked before it is unlisted: after a failure in between, asking again finishes it, and nobody is left
 * with a role that cannot be seen. An owner first steps down in the list, under a lock, so that two owners who leave at
 * once cannot both go. A project goes before its roles: what a failure leaves then are roles on nothing, which deleting
 * it again removes; ids are never given twice.
 */
export interface ProjectsOptions {
  readonly store: ProjectStore;
  readonly templates: Templates;
  readonly importer: Importer;
  readonly access: Access;
  readonly directory: Directory;
  readonly feed: PresenceFeed;
  readonly now: () => number;
  readonly newId: () => string;
}

/** A project and what the caller may do with it. */
export interface OpenedProject {
  readonly project: Project;
  readonly role: string;
}

export interface ProjectChanges {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly architecture?: PartialArchitecture | undefined;
  readonly expectedVersion?: number | undefined;
}

export type NamedMember = Member & { readonly username: string };

export interface NamedAnalytics extends ProjectAnalytics {
  readonly activity: Omit<ProjectActivity, "contributions"> & {
    readonly contributions: readonly (Contribution & { readonly username: string })[];
  };
}

/** Somebody who has not been heard of for this long has closed the project. */
const presenceMs = 15_000;

export class Projects {
  readonly #options: ProjectsOptions;

  constructor(options: ProjectsOptions) {
    this.#options = options;
  }

  async create(
    caller: Caller,
    given: { name: string; description: string; architecture?: PartialArchitecture | undefined; templateId: string },
  ): Promise<OpenedProject> {
    if (given.architecture !== undefined && given.templateId !== "") {
      throw invalid("templateId", "give an architecture or a template, not both");
    }
    const architecture =
      given.templateId === ""
        ? soundArchitecture(given.architecture ?? {})
        : (await this.#options.templates.get(caller, given.templateId)).architecture;
    return this.#create(caller, { name: given.name, description: given.description, architecture }, "created");
  }

  async get(caller: Caller, id: string): Promise<OpenedProject> {
    const role = await this.#require(caller, "project.read", id);
    return { project: await this.#find(id), role };
  }

  list(caller: Caller, pageSize: number, after: string | undefined): Promise<Page<ProjectSummary>> {
    return this.#options.store.listFor(caller.userId, pageSize, after);
  }

  async update(caller: Caller, id: string, changes: ProjectChanges): Promise<OpenedProject> {
    const role = await this.#require(caller, "project.write", id);
    assertStorable({ name: changes.name, description: changes.description });
    const architecture = changes.architecture === undefined ? undefined : soundArchitecture(changes.architecture);
    return this.#change(caller, id, role, "updated", (current) => {
      if (changes.expectedVersion !== undefined && changes.expectedVersion !== current.version) {
        throw new ProjectError(
          "version_conflict",
          `the project is at version ${current.version}, not ${changes.expectedVersion}; read it again and repeat the change`,
          { facts: { currentVersion: String(current.version) } },
        );
      }
      return {
        name: changes.name ?? current.name,
        description: changes.description ?? current.description,
        architecture: architecture ?? current.architecture,
      };
    });
  }

  async remove(caller: Caller, id: string): Promise<void> {
    const role = await this.#require(caller, "project.delete", id);
    const { store, access } = this.#options;
    const removed = await store.remove(id);
    try {
      // First, so that whoever hears of the deletion and asks again finds the rights gone.
      await access.revokeAll(id);
    } finally {
      if (removed) {
        await store.tellRemoved(id, this.#changeBy(caller, "deleted"));
      }
    }
    // An owner of nothing finishes a deletion that failed half-way; an administrator may just have mistyped.
    if (!removed && role !== "owner") {
      throw unknownProject(id);
    }
  }

  async import(
    caller: Caller,
    given: { name: string; description: string; format: Format; content: string },
  ): Promise<OpenedProject & { findings: readonly Finding[] }> {
    const { architecture, findings } = await this.#options.importer.read(given.format, given.content);
    const unstorable = unstorableText(architecture, "architecture");
    if (unstorable !== undefined) {
      const description = `${unstorable.field} ${unstorable.description}`;
      throw new ProjectError("content_unreadable", description, { fields: [{ field: "content", description }] });
    }
    const state = { name: given.name, description: given.description, architecture };
    return { ...(await this.#create(caller, state, "imported")), findings };
  }

  async export(
    caller: Caller,
    id: string,
    format: Format,
  ): Promise<{ content: string; fileName: string; findings: readonly Finding[] }> {
    const { project } = await this.get(caller, id);
    return exportArchitecture(format, project.name, project.architecture);
  }

  async versions(
    caller: Caller,
    id: string,
    pageSize: number,
    after: string | undefined,
  ): Promise<Page<ProjectVersion>> {
    await this.#require(caller, "project.read", id);
    const versions = await this.#options.store.listVersions(id, pageSize, after);
    // Every project has a first version.
    if (versions.items.length === 0 && (after ?? "") === "") {
      throw unknownProject(id);
    }
    return versions;
  }

  async version(caller: Caller, id: string, version: number): Promise<ProjectVersion & ProjectState> {
    await this.#require(caller, "project.read", id);
    return this.#version(id, version);
  }

  async restore(caller: Caller, id: string, version: number): Promise<OpenedProject> {
    const role = await this.#require(caller, "project.write", id);
    const { name, description, architecture } = await this.#version(id, version);
    return this.#change(caller, id, role, `restored from ${version}`, () => ({ name, description, architecture }));
  }

  async members(caller: Caller, id: string): Promise<readonly NamedMember[]> {
    await this.#require(caller, "project.read", id);
    const members = await this.#members(id);
    const names = await this.#options.directory.usernames(members.map((member) => member.userId));
    return members.map((member) => ({ ...member, username: names.get(member.userId) ?? "" }));
  }

  async addMember(
    caller: Caller,
    id: string,
    who: { userId: string } | { username: string } | { email: string },
    role: Role,
  ): Promise<NamedMember> {
    await this.#require(caller, "project.share", id);
    assertStorable(who);
    const { store, directory, access, now } = this.#options;
    const members = await this.#members(id);
    const user = await directory.find(who);
    if (user === undefined) {
      throw new ProjectError("user_unknown", "there is no such user");
    }
    const before = members.find((member) => member.userId === user.userId);
    if (role !== "owner") {
      await this.#stepDown(id, before, role);
    }
    const addedAtMs = before?.addedAtMs ?? now();
    await access.grant(user.userId, role, id);
    const member = { userId: user.userId, role, addedAtMs };
    if (!(await store.putMember(id, member, this.#changeBy(caller, "members")))) {
      await access.revoke(user.userId, id);
      throw unknownProject(id);
    }
    return { ...user, role, addedAtMs };
  }

  async removeMember(caller: Caller, id: string, userId: string): Promise<void> {
    const { store, access } = this.#options;
    const leaving = userId === caller.userId;
    if (!leaving) {
      await this.#require(caller, "project.share", id);
    }
    const member = (await store.members(id)).find((one) => one.userId === userId);
    if (member === undefined) {
      await this.#require(caller, "project.read", id);
      throw new ProjectError("member_unknown", "that user is not a member of the project");
    }
    // Leaving needs no right but to be listed: whoever failed half-way has no role any more, and may finish.
    await this.#stepDown(id, member, "viewer");
    await access.revoke(userId, id);
    await store.removeMember(id, userId, this.#changeBy(caller, "members"));
  }

  /** Notes that the caller has the project open, tells the others, and says who else has. */
  async announce(caller: Caller, id: string, component: string): Promise<readonly Collaborator[]> {
    await this.#require(caller, "project.read", id);
    assertStorable({ component });
    const { store, feed, now } = this.#options;
    const atMs = now();
    const { userId, username } = caller;
    if (!(await store.announce(id, { userId, username, component, lastSeenAtMs: atMs }))) {
      throw unknownProject(id);
    }
    const collaborators = await store.collaborators(id, atMs - presenceMs);
    await feed.publish({ projectId: id, collaborators, atMs });
    return collaborators;
  }

  async analytics(caller: Caller, id: string): Promise<NamedAnalytics> {
    const { project } = await this.get(caller, id);
    const { store, directory, now } = this.#options;
    const nowMs = now();
    const analytics = await projectAnalytics(store, project, { nowMs, openSinceMs: nowMs - presenceMs });
    const { contributions } = analytics.activity;
    const names = await directory.usernames(contributions.map(({ userId }) => userId));
    const named = contributions.map((one) => ({ ...one, username: names.get(one.userId) ?? "" }));
    return { ...analytics, activity: { ...analytics.activity, contributions: named } };
  }

  async #create(caller: Caller, state: ProjectState, what: string): Promise<OpenedProject> {
    assertStorable(state);
    const { store, access, newId } = this.#options;
    const id = newId();
    await access.grant(caller.userId, "owner", id);
    const project = await store.create(id, state, this.#changeBy(caller, what));
    return { project, role: "owner" };
  }

  async #change(
    caller: Caller,
    id: string,
    role: string,
    what: string,
    next: (current: Project) => ProjectState,
  ): Promise<OpenedProject> {
    const project = await this.#options.store.change(id, this.#changeBy(caller, what), next);
    if (project === undefined) {
      throw unknownProject(id);
    }
    return { project, role };
  }

  #changeBy({ userId, username }: Caller, what: string): Change {
    return { by: { userId, username }, what, atMs: this.#options.now() };
  }

  /** Every project has members; without any there is none. */
  async #members(id: string): Promise<readonly Member[]> {
    const members = await this.#options.store.members(id);
    if (members.length === 0) {
      throw unknownProject(id);
    }
    return members;
  }

  /** A project without an owner could never be shared or deleted again. */
  async #stepDown(id: string, member: Member | undefined, next: Role): Promise<void> {
    if (member?.role === "owner" && !(await this.#options.store.stepDown(id, member.userId, next))) {
      throw new ProjectError("last_owner", "the last owner must stay; make somebody else an owner first");
    }
  }

  /** The caller's role, when it allows what is asked. */
  async #require(caller: Caller, permission: ProjectPermission, id: string): Promise<string> {
    const { allowed, role } = await this.#options.access.check(caller.userId, permission, id);
    if (allowed) {
      return role;
    }
    if (role === "") {
      throw unknownProject(id);
    }
    throw new ProjectError("not_allowed", `a ${role} of the project may not do this; it needs ${permission}`);
  }

  async #find(id: string): Promise<Project> {
    const project = await this.#options.store.find(id);
    if (project === undefined) {
      throw unknownProject(id);
    }
    return project;
  }

  async #version(id: string, version: number): Promise<ProjectVersion & ProjectState> {
    const found = await this.#options.store.findVersion(id, version);
    if (found === undefined) {
      throw new ProjectError("version_unknown", `the project has no version ${version}`);
    }
    return found;
  }
}

/** Fills in the defaults; refuses, naming each field, what could not be simulated. */
function soundArchitecture(given: PartialArchitecture): Project["architecture"] {
  const { architecture, problems } = completeArchitecture(given);
  if (problems.length > 0) {
    throw new ProjectError("invalid", `architecture.${problems[0]?.field}: ${problems[0]?.message}`, {
      fields: problems.map(({ field, message }) => ({ field: `architecture.${field}`, description: message })),
    });
  }
  assertStorable({ architecture });
  return architecture;
}

function unknownProject(id: string): ProjectError {
  return new ProjectError("project_unknown", `there is no project ${id}`);
}

function invalid(field: string, description: string): ProjectError {
  return new ProjectError("invalid", `${field}: ${description}`, { fields: [{ field, description }] });
}
