/*
 * Which WebSocket connections are open, and whose they are (RT-05, RT-10). A place is reserved before an upgrade is
 * accepted, so that connections that are still being set up count too; a user is known once the connection has
 * authenticated. What a connection does is `session.ts`.
 */

/** What the manager does with a connection. */
export interface ManagedConnection {
  /** Undefined until the connection has authenticated. */
  readonly userId: string | undefined;
  /** The login that its token belongs to. */
  readonly sessionId: string | undefined;
  revoked(): void;
  drain(reconnectAfterMs: number): void;
}

export interface ConnectionManagerOptions {
  readonly maxConnections: number;
  readonly maxConnectionsPerUser: number;
}

export class ConnectionManager {
  readonly #options: ConnectionManagerOptions;
  readonly #open = new Set<ManagedConnection>();
  readonly #byUser = new Map<string, Set<ManagedConnection>>();
  #reserved = 0;

  constructor(options: ConnectionManagerOptions) {
    this.#options = options;
  }

  /** Takes a place for a connection to be; false when the process is full. Each true is followed by one `release`. */
  reserve(): boolean {
    if (this.#reserved >= this.#options.maxConnections) {
      return false;
    }
    this.#reserved += 1;
    return true;
  }

  release(): void {
    this.#reserved -= 1;
  }

  add(connection: ManagedConnection): void {
    this.#open.add(connection);
  }

  /** Whether the user may have one more connection. */
  admits(userId: string): boolean {
    return this.countOf(userId) < this.#options.maxConnectionsPerUser;
  }

  /** Notes whose connection it is; false, and nothing noted, when the user has too many. */
  assign(connection: ManagedConnection, userId: string): boolean {
    if (!this.admits(userId)) {
      return false;
    }
    const own = this.#byUser.get(userId) ?? new Set();
    this.#byUser.set(userId, own.add(connection));
    return true;
  }

  remove(connection: ManagedConnection): void {
    this.#open.delete(connection);
    const { userId } = connection;
    const own = userId === undefined ? undefined : this.#byUser.get(userId);
    if (userId !== undefined && own?.delete(connection) === true && own.size === 0) {
      this.#byUser.delete(userId);
    }
  }

  get count(): number {
    return this.#open.size;
  }

  countOf(userId: string): number {
    return this.#byUser.get(userId)?.size ?? 0;
  }

  /** Ends every connection of a login that has ended. */
  revoke(sessionId: string): void {
    for (const connection of [...this.#open]) {
      if (connection.sessionId === sessionId) {
        connection.revoked();
      }
    }
  }

  /** `reconnectAfterMs` is asked for each of them. */
  drain(reconnectAfterMs: () => number): void {
    for (const connection of [...this.#open]) {
      connection.drain(reconnectAfterMs());
    }
  }
}
