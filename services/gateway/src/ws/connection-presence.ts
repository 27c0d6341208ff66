import type { Random } from "@weft/mesh";
import type { Channel } from "./channel.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { SharedFrame } from "./frame-codec.ts";
import type { Presence } from "./presence.ts";
import type { PresenceWatcher } from "./presence-room.ts";
import { type PresenceSnapshot, presenceMember } from "./presence-store.ts";

export interface ConnectionPresenceDependencies {
  readonly presence: Presence;
  readonly random: Pick<Random, "id">;
}

/** In which channels one connection is shown; it hears of the others there. */
export class ConnectionPresence implements PresenceWatcher {
  readonly #deps: ConnectionPresenceDependencies;
  readonly #connection: ClientConnection;
  /** The member that stands for the connection, by the name of the channel; most connections are shown nowhere. */
  #members: Map<string, string> | undefined;
  #connectionId: string | undefined;

  /** `deps` are those of all connections. */
  constructor(connection: ClientConnection, deps: ConnectionPresenceDependencies) {
    this.#connection = connection;
    this.#deps = deps;
  }

  /** Repeating it does nothing. */
  show({ name }: Channel, userId: string): void {
    this.#members ??= new Map();
    if (this.#members.has(name)) {
      return;
    }
    this.#connectionId ??= this.#deps.random.id();
    const member = presenceMember(userId, this.#connectionId);
    this.#members.set(name, member);
    this.#deps.presence.join(name, member, this);
  }

  /** Repeating it does nothing. */
  hide({ name }: Channel): void {
    const member = this.#members?.get(name);
    if (member !== undefined) {
      this.#members?.delete(name);
      this.#deps.presence.leave(name, member);
    }
  }

  tell(frame: SharedFrame): void {
    this.#connection.sendShared(frame);
  }

  /** Throws as `Presence.list`. */
  list({ name }: Channel): Promise<PresenceSnapshot> {
    return this.#deps.presence.list(name, this.#members?.has(name) === true);
  }
}
