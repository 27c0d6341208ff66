import type { WebSocketConnection } from "../http/http-server.ts";
import type { Channel } from "./channel.ts";
import type { Presence } from "./presence.ts";
import { type PresenceSnapshot, presenceMember } from "./presence-store.ts";

export interface ConnectionPresenceOptions {
  readonly presence: Presence;
  readonly connection: WebSocketConnection;
  /** A UUID. */
  readonly connectionId: string;
  readonly hardBytes: number;
  /** The reader is too far behind to be helped. */
  readonly tooSlow: () => void;
}

/** In which channels one connection is shown; it hears of the others there. */
export class ConnectionPresence {
  readonly #options: ConnectionPresenceOptions;
  /** The member that stands for the connection, by the name of the channel. */
  readonly #members = new Map<string, string>();

  constructor(options: ConnectionPresenceOptions) {
    this.#options = options;
  }

  /** Repeating it does nothing. */
  show({ name }: Channel, userId: string): void {
    if (this.#members.has(name)) {
      return;
    }
    const { presence, connection, connectionId, hardBytes, tooSlow } = this.#options;
    const member = presenceMember(userId, connectionId);
    this.#members.set(name, member);
    presence.join(name, member, {
      tell: (frame) => (connection.bufferedBytes > hardBytes ? tooSlow() : connection.send(frame)),
    });
  }

  /** Repeating it does nothing. */
  hide({ name }: Channel): void {
    const member = this.#members.get(name);
    if (member !== undefined) {
      this.#members.delete(name);
      this.#options.presence.leave(name, member);
    }
  }

  /** Throws as `Presence.list`. */
  list({ name }: Channel): Promise<PresenceSnapshot> {
    return this.#options.presence.list(name, this.#members.has(name));
  }
}
