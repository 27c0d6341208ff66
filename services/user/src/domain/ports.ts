/** What the user domain needs from outside. Instants are epoch milliseconds. */
import type { UserEvent } from "./events.ts";

/** The wall clock. */
export interface WallClock {
  now(): number;
}

export interface User {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** Changes of a user; absent fields stay. */
export interface UserChanges {
  readonly username?: string;
  readonly email?: string;
  readonly firstName?: string;
  readonly lastName?: string;
}

/** Fields that belong to one user only, compared without regard to case. */
export type UniqueField = "username" | "email";

/** `taken` names the fields that others hold; `exists` is the user who has the id already. */
export type InsertResult =
  | { readonly outcome: "inserted" }
  | { readonly outcome: "exists"; readonly user: User }
  | { readonly outcome: "taken"; readonly fields: readonly UniqueField[] };

export type UpdateResult =
  | { readonly outcome: "updated"; readonly user: User }
  | { readonly outcome: "unknown" }
  | { readonly outcome: "taken"; readonly fields: readonly UniqueField[] };

export interface UserStore {
  /** Stores the user and the event in one transaction, or neither. */
  insert(user: User, event: UserEvent): Promise<InsertResult>;
  update(id: string, changes: UserChanges, updatedAtMs: number): Promise<UpdateResult>;
  /** Removes the user and stores the event in one transaction; undefined when there was none. */
  remove(id: string, event: (user: User) => UserEvent): Promise<User | undefined>;
  findById(id: string): Promise<User | undefined>;
  findByUsername(username: string): Promise<User | undefined>;
  /** By username or e-mail address. */
  findByLogin(login: string): Promise<User | undefined>;
  /** In any order; unknown ids are absent. */
  findByIds(ids: readonly string[]): Promise<readonly User[]>;
}

/** Tells whoever remembers facts about a user that they have changed. Best effort, never throws. */
export interface ChangeNotice {
  changed(userId: string): void;
}
