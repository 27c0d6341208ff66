/*
 * What the rules about projects need from outside, and the records they work on. Times are epoch milliseconds.
 */
import type { Architecture } from "./architecture/architecture.ts";
import type { ImportResult } from "./architecture/import-result.ts";
import type { Format } from "./formats.ts";

export type Role = "owner" | "editor" | "viewer";

/** Who asks. */
export interface Caller {
  readonly userId: string;
  readonly username: string;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly architecture: Architecture;
  /** Counts changes, from 1. */
  readonly version: number;
  readonly ownerId: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface ProjectSummary extends Omit<Project, "architecture"> {
  readonly componentCount: number;
  readonly role: Role;
}

export interface ProjectVersion {
  readonly version: number;
  readonly name: string;
  readonly description: string;
  readonly changedBy: string;
  readonly change: string;
  readonly createdAtMs: number;
}

export interface Member {
  readonly userId: string;
  readonly role: Role;
  readonly addedAtMs: number;
}

export interface Template {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly architecture: Architecture;
}

export interface Collaborator {
  readonly userId: string;
  readonly username: string;
  readonly component: string;
  readonly lastSeenAtMs: number;
}

/** What one person has changed. */
export interface Contribution {
  readonly userId: string;
  readonly changes: number;
  readonly lastAtMs: number;
}

/** A project's history in numbers; every version is a change, the first included. */
export interface History {
  /** Since each of the moments that were asked for, in their order. */
  readonly changesSince: readonly number[];
  readonly changes: number;
  /** Most changes first, then the latest; no more than were asked for. */
  readonly contributions: readonly Contribution[];
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Where the next page begins; undefined on the last. */
  readonly next: string | undefined;
}

/** What a new state of a project is made of. */
export interface ProjectState {
  readonly name: string;
  readonly description: string;
  readonly architecture: Architecture;
}

/** Who changes what, for the history and for those who hear of it. */
export interface Change {
  readonly by: Caller;
  /** "created", "updated", "imported", "restored from 3"; of members and deletions nobody keeps it. */
  readonly what: string;
  readonly atMs: number;
}

/** What others hear of (`ChangeNotice`) is kept for them in the transaction that makes it, so that none is made untold. */
export interface ProjectStore {
  create(id: string, state: ProjectState, change: Change): Promise<Project>;
  find(id: string): Promise<Project | undefined>;
  /**
   * Applies `next` to the state as it is now, under a lock, and keeps the result as a new version; a state that `next`
   * leaves as it was makes no version. What `next` throws is passed on and nothing changes. Undefined: there is none.
   */
  change(id: string, change: Change, next: (current: Project) => ProjectState): Promise<Project | undefined>;
  /** Whether there was one. Nobody hears of it before `tellRemoved`. */
  remove(id: string): Promise<boolean>;
  tellRemoved(id: string, change: Change): Promise<void>;
  /** Those shared with the user, last changed first. */
  listFor(userId: string, pageSize: number, after: string | undefined): Promise<Page<ProjectSummary>>;
  listVersions(id: string, pageSize: number, after: string | undefined): Promise<Page<ProjectVersion>>;
  findVersion(id: string, version: number): Promise<(ProjectVersion & ProjectState) | undefined>;
  /** Counted in the store; a project that does not exist has no changes. */
  history(id: string, sinceMs: readonly number[], mostContributions: number): Promise<History>;
  members(id: string): Promise<readonly Member[]>;
  /** False: there is no such project. */
  putMember(id: string, member: Member, change: Change): Promise<boolean>;
  /** Gives an owner a weaker role in the list, under a lock. False, and nothing changes: no other owner would be left. */
  stepDown(id: string, userId: string, role: Role): Promise<boolean>;
  removeMember(id: string, userId: string, change: Change): Promise<boolean>;
  /** False: there is no such project. */
  announce(id: string, collaborator: Collaborator): Promise<boolean>;
  collaborators(id: string, seenSinceMs: number): Promise<readonly Collaborator[]>;
}

/**
 * Reads files. A hostile one can take seconds of computing, so this happens away from the event loop and within a time;
 * what cannot be read, or not in time, is refused as "content_unreadable".
 */
export interface Importer {
  read(format: Format, content: string): Promise<ImportResult>;
}

export interface TemplateStore {
  /** Newest first. */
  listOf(ownerId: string): Promise<readonly Template[]>;
  countOf(ownerId: string): Promise<number>;
  find(id: string, ownerId: string): Promise<Template | undefined>;
  create(template: Template, ownerId: string, atMs: number): Promise<void>;
  /** Replaces all but its id. False: the owner has no such template. */
  update(template: Template, ownerId: string): Promise<boolean>;
  remove(id: string, ownerId: string): Promise<boolean>;
}

export type ProjectPermission = "project.read" | "project.write" | "project.share" | "project.delete";

/** The auth service: it decides who may do what, and keeps the roles. */
export interface Access {
  /** `role` is the strongest the user has on the project; "" when there is none. */
  check(userId: string, permission: ProjectPermission, projectId: string): Promise<{ allowed: boolean; role: string }>;
  grant(userId: string, role: Role, projectId: string): Promise<void>;
  revoke(userId: string, projectId: string): Promise<void>;
  /** Every role on the project. */
  revokeAll(projectId: string): Promise<void>;
}

/** The user service. */
export interface Directory {
  /** Undefined when nobody matches. */
  find(
    who: { userId: string } | { username: string } | { email: string },
  ): Promise<{ userId: string; username: string } | undefined>;
  usernames(userIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** A change as people who have the project open see it. */
export interface ChangeNotice {
  readonly type: "updated" | "deleted" | "members";
  readonly projectId: string;
  /** Of "updated". */
  readonly version?: number;
  readonly change?: string;
  readonly by: Caller;
  readonly atMs: number;
}

/** Who has a project open. */
export interface PresenceNotice {
  readonly projectId: string;
  readonly collaborators: readonly Collaborator[];
  readonly atMs: number;
}

/** Live, at most once: the next notice replaces one that is lost. Never rejects. */
export interface PresenceFeed {
  publish(notice: PresenceNotice): Promise<void>;
}
