/*
 * Who is in a channel, over all gateways. A member is one connection; it is there until its time is over, which its gateway
 * puts off by a heartbeat, so that the members of a gateway that died vanish by themselves. Who leaves is there for a moment
 * longer (`graceMs`): a page that is loaded again is back before anybody is told, on whatever gateway.
 *
 * Each update is one atomic call that writes, forgets whose time is over and gives what is there now. Where somebody came or
 * left, every gateway hears of the channel and reads it when it suits it: nobody is told of a change that is not in the store.
 */

export interface PresenceTimes {
  /** Without a heartbeat a member is gone after this. */
  readonly ttlMs: number;
  readonly heartbeatMs: number;
  /** Between leaving and being gone. */
  readonly graceMs: number;
  /** Watchers are told at most once in this time. */
  readonly tellEveryMs: number;
}

/** Two heartbeats may be lost. The grace is what a page needs to load again; a second is what people see as at once. */
export const presenceTimes: PresenceTimes = { ttlMs: 60_000, heartbeatMs: 20_000, graceMs: 2000, tellEveryMs: 1000 };

/** Beyond as many users a channel is counted and nobody listed: a list of all for each change would grow with the square. */
export const mostListedUsers = 100;

export interface PresentUser {
  readonly userId: string;
  readonly connections: number;
  /** Since the epoch, by the clock of the store. */
  readonly sinceMs: number;
}

export interface PresenceSnapshot {
  readonly users: number;
  readonly connections: number;
  /** Undefined when there are more than `mostListedUsers`. */
  readonly clients: readonly PresentUser[] | undefined;
  /** When the next member is gone, unless it is heard of until then; undefined when nobody is there. */
  readonly nextEndMs: number | undefined;
}

export interface PresenceChange {
  /** Members that are there, known or not. */
  readonly here: readonly string[];
  readonly leaving: readonly string[];
}

export interface PresenceStore {
  readonly times: PresenceTimes;
  /** Rejects when the store cannot be reached. Repeating it does no harm. */
  update(channel: string, change: PresenceChange): Promise<PresenceSnapshot>;
}

export const noChange: PresenceChange = { here: [], leaving: [] };

/** What is published when somebody comes to a channel or leaves it, with nothing in it. */
export const presencePattern = "presence:*";

export function presenceSubject(channel: string): string {
  return `presence:${channel}`;
}

/** The channel that a subject is of. */
export function channelOfPresence(subject: string): string {
  return subject.slice("presence:".length);
}

const connectionIdLength = 36;

/** Names a connection of a user; `connectionId` is a UUID. */
export function presenceMember(userId: string, connectionId: string): string {
  return `${userId}/${connectionId}`;
}

export function userOfMember(member: string): string {
  return member.slice(0, -connectionIdLength - 1);
}
