import type { Random } from "@weft/mesh";
import type { Channel } from "./channel.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { Presence } from "./presence.ts";
import { type PresenceSnapshot, presenceMember } from "./presence-store.ts";

export interface ConnectionPresenceOptions {
  readonly presence: Presence;
  readonly connection: ClientConnection;
  readonly random: Pick<Random, "id">;
  readonly hardBytes: number;
  /** The reader is too far behind to be helped. */
  readonly tooSlow: () => void;
}

/** In which channels one connection is shown; it hears of the others there. */
export class ConnectionPresence {
  readonly #options: ConnectionPresenceOptions;
  /** The member that stands for the connection, by the name of the channel; most connections are shown nowhere. */
  #members: Map<string, string> | undefined;
  #connectionId: string | undefined;

  constructor(options: ConnectionPresenceOptions) {
    this.#options = options;
  }

  /** Repeating it does nothing. */
  show({ name }: Channel, userId: string): void {
    this.#members ??= new Map();
    if (this.#members.has(name)) {
      return;
    }
    const { presence, connection, random, hardBytes, tooSlow } = this.#options;
    this.#connectionId ??= random.id();
    const member = presenceMember(userId, this.#connectionId);
    this.#members.set(name, member);
    presence.join(name, member, {
      tell: (frame) =>
        connection.bufferedBytes > hardBytes ? tooSlow() : connection.sendEncoded(frame.in(connection.codec)),
    });
  }

  /** Repeating it does nothing. */
  hide({ name }: Channel): void {
    const member = this.#members?.get(name);
    if (member !== undefined) {
      this.#members?.delete(name);
      this.#options.presence.leave(name, member);
    }
  }

  /** Throws as `Presence.list`. */
  list({ name }: Channel): Promise<PresenceSnapshot> {
    return this.#options.presence.list(name, this.#members?.has(name) === true);
  }
}
