import type { Present } from "./protocol.ts";

/** Who is in a channel now, and what that changes. */
export interface Presence {
  /** How many users, each counted once. */
  readonly users: number;
  /** Who they are, oneself included; undefined in a channel with more than a hundred, where only numbers are told. */
  readonly userIds: readonly string[] | undefined;
  /** Who came since the last time; everybody at the first, and as soon as there are names again. */
  readonly joined: readonly string[];
  /** Who left since the last time; nobody while there are no names. */
  readonly left: readonly string[];
}

/** What to tell whoever was told `before`; undefined when it is nothing new. */
export function presenceBetween(before: Present | undefined, { users, userIds }: Present): Presence | undefined {
  const known = new Set(before?.userIds);
  const now = new Set(userIds);
  const joined = [...now].filter((userId) => !known.has(userId));
  const left = userIds === undefined ? [] : [...known].filter((userId) => !now.has(userId));
  const isListed = userIds !== undefined;
  const isSame =
    before?.users === users && (before.userIds !== undefined) === isListed && joined.length === 0 && left.length === 0;
  return isSame ? undefined : { users, userIds, joined, left };
}
