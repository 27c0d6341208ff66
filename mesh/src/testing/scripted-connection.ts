import type { Transport } from "@connectrpc/connect";
import { MeshError } from "../errors.ts";
import type { Connection, ConnectionState } from "../pool/connection.ts";

/**
 * A connection without a network: it opens, fails, drains and closes when the test says so. It carries no calls; the pool
 * only hands connections out, and counts what holds them.
 */
export class ScriptedConnection implements Connection {
  readonly id: number;
  readonly opened: Promise<void>;
  openStreams = 0;
  callLimit = Number.POSITIVE_INFINITY;
  state: ConnectionState = { kind: "connecting" };
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #settle: { resolve: () => void; reject: (error: unknown) => void };

  constructor(id: number) {
    this.id = id;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.opened = promise;
    this.opened.catch(() => undefined);
    this.#settle = { resolve, reject };
  }

  /** The dial succeeds. */
  open(): void {
    this.state = { kind: "open", sinceMs: 0 };
    this.#settle.resolve();
  }

  /** The dial fails. */
  fail(reason = "refused"): void {
    this.#become({ kind: "closed", reason });
    this.#settle.reject(new MeshError("CONNECT_FAILED", reason));
  }

  /** The connection is lost, or closes after it has drained. */
  lose(): void {
    this.#become({ kind: "closed", reason: "lost" });
  }

  drain(reason: string): void {
    if (this.state.kind === "connecting") {
      this.destroy(reason);
    } else {
      this.#become({ kind: "draining", reason });
    }
  }

  destroy(reason: string): void {
    this.#become({ kind: "closed", reason });
    this.#settle.reject(new MeshError("CONNECT_FAILED", reason));
  }

  onState(listener: (state: ConnectionState) => void): void {
    this.#listeners.add(listener);
  }

  send(): void {
    throw new MeshError("PROTOCOL_ERROR", "a scripted connection carries no calls");
  }

  cancel(): void {
    throw new MeshError("PROTOCOL_ERROR", "a scripted connection carries no calls");
  }

  get streams(): Transport {
    throw new MeshError("PROTOCOL_ERROR", "a scripted connection carries no streams");
  }

  #become(state: ConnectionState): void {
    if (this.state.kind === "closed" || this.state.kind === state.kind) {
      return;
    }
    this.state = state;
    for (const listener of this.#listeners) {
      listener(state);
    }
  }
}
