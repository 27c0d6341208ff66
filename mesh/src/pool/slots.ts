import type { Connection } from "./connection.ts";
import type { Place } from "./connection-budget.ts";

export type SlotPhase = "connecting" | "open" | "draining" | "closed";

/** One connection of a pool, with what holds it. */
export class PooledConnection {
  readonly connection: Connection;
  /** Its share of the process's ceiling. */
  readonly place: Place;
  /** Unary calls that were given this connection and have not given it back. */
  held = 0;
  /** As the pool sees it: a connection takes calls only between two events that the pool has seen. */
  phase: SlotPhase = "connecting";
  /** The pool itself let it go; its end is no loss. */
  retired = false;
  /** Calls in a row that it did not answer. */
  failures = 0;

  constructor(connection: Connection, place: Place) {
    this.connection = connection;
    this.place = place;
  }

  /** Calls and streams that it carries. */
  get load(): number {
    return this.held + this.connection.openStreams;
  }
}

/** What is known of one connection now. */
export interface ConnectionHealth {
  readonly id: number;
  readonly phase: SlotPhase;
  readonly calls: number;
  readonly streams: number;
  /** Calls in a row that it did not answer. */
  readonly failures: number;
}

/**
 * The connections of a pool by phase, and the choice between those that are open.
 *
 * Calls are packed: the oldest connection takes all of them until it carries `packedCalls`, then the second, and so on;
 * only when all are that busy does the least loaded one get the call. Few busy connections write larger batches than many
 * that are half asleep, and those at the end of the line fall idle and can be given up without anyone noticing. The order
 * is that of opening and never changes, so that the choice is stable.
 */
export class Slots {
  /** In order of their opening. */
  readonly #open: PooledConnection[] = [];
  /** Those that connect or drain. */
  readonly #others = new Set<PooledConnection>();
  readonly #packedCalls: number;
  readonly #callsPerConnection: number;
  #held = 0;
  #connecting = 0;

  constructor(packedCalls: number, callsPerConnection: number) {
    this.#packedCalls = packedCalls;
    this.#callsPerConnection = callsPerConnection;
  }

  /** Connections that take calls. */
  get open(): number {
    return this.#open.length;
  }

  get connecting(): number {
    return this.#connecting;
  }

  get draining(): number {
    return this.#others.size - this.#connecting;
  }

  /** Unary calls on open connections; what finishes on one that drains loads none of those that are left. */
  get held(): number {
    return this.#held;
  }

  /** Streams on open connections. */
  get streams(): number {
    let sum = 0;
    for (const { connection } of this.#open) {
      sum += connection.openStreams;
    }
    return sum;
  }

  /** All calls and streams, those on draining connections included. */
  get inFlight(): number {
    let sum = this.#held + this.streams;
    for (const slot of this.#others) {
      sum += slot.load;
    }
    return sum;
  }

  /** Each connection as a page for people shows it. */
  health(): ConnectionHealth[] {
    return this.all().map(({ connection, phase, held, failures }) => {
      return { id: connection.id, phase, calls: held, streams: connection.openStreams, failures };
    });
  }

  /** Open first. */
  all(): PooledConnection[] {
    return [...this.#open, ...this.#others];
  }

  /** Takes the connection for one call; undefined when all are full. */
  take(): PooledConnection | undefined {
    const open = this.#open;
    let best: PooledConnection | undefined;
    let least = this.#callsPerConnection;
    for (let index = 0; index < open.length; index += 1) {
      const slot = open[index] as PooledConnection;
      const load = slot.held + slot.connection.openStreams;
      if (load < least && load < slot.connection.callLimit) {
        best = slot;
        if (load < this.#packedCalls) {
          break;
        }
        least = load;
      }
    }
    if (best !== undefined) {
      best.held += 1;
      this.#held += 1;
    }
    return best;
  }

  /** One call has ended. True when its place can be taken by another. */
  giveBack(slot: PooledConnection): boolean {
    if (slot.held === 0) {
      return false;
    }
    slot.held -= 1;
    slot.failures = 0;
    if (slot.phase !== "open") {
      return false;
    }
    this.#held -= 1;
    return true;
  }

  add(slot: PooledConnection): void {
    this.#others.add(slot);
    this.#connecting += 1;
  }

  move(slot: PooledConnection, to: "open" | "draining" | "closed"): void {
    if (slot.phase === "open") {
      this.#open.splice(this.#open.indexOf(slot), 1);
      this.#held -= slot.held;
    } else {
      this.#others.delete(slot);
      this.#connecting -= slot.phase === "connecting" ? 1 : 0;
    }
    if (to === "open") {
      this.#open.push(slot);
    } else if (to === "draining") {
      this.#others.add(slot);
    }
    slot.phase = to;
  }

  /** The open connection that carries least; of equals the last in line, which packing reaches last. */
  emptiest(): PooledConnection | undefined {
    let best: PooledConnection | undefined;
    for (const slot of this.#open) {
      if (best === undefined || slot.load <= best.load) {
        best = slot;
      }
    }
    return best;
  }

  /** One that is still being opened: nobody would miss it. */
  newest(): PooledConnection | undefined {
    let found: PooledConnection | undefined;
    for (const slot of this.#others) {
      found = slot.phase === "connecting" ? slot : found;
    }
    return found;
  }
}
