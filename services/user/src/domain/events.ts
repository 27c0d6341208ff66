import type { User } from "./ports.ts";

/** Facts that other services learn about users, in the form in which they are published. Instants are UTC ISO-8601. */
export type UserEvent =
  | {
      readonly type: "USER_REGISTERED";
      readonly userId: string;
      readonly username: string;
      readonly email: string;
      readonly registeredAt: string;
    }
  | { readonly type: "USER_REMOVED"; readonly userId: string; readonly removedAt: string };

export function userRegistered(user: User): UserEvent {
  return {
    type: "USER_REGISTERED",
    userId: user.id,
    username: user.username,
    email: user.email,
    registeredAt: new Date(user.createdAtMs).toISOString(),
  };
}

/** Also what takes back a registration that was never finished. */
export function userRemoved(userId: string, atMs: number): UserEvent {
  return { type: "USER_REMOVED", userId, removedAt: new Date(atMs).toISOString() };
}
