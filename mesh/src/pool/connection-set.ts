import type { Clock } from "../clock.ts";
import { MeshError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Connection } from "./connection.ts";
import type { BudgetMember, ConnectionBudget, Place } from "./connection-budget.ts";
import { Redial } from "./redial.ts";
import type { ScaleReason } from "./scaler.ts";
import { PooledConnection, type Slots } from "./slots.ts";

/**
 * The connections of one pool from dial to end: opens as many as wanted and allowed, follows what becomes of them, and gives
 * them up. The pool decides how many it wants; this asks the process's budget for a place each and `redial.ts` for leave.
 *
 *   place ──▶ connecting ──▶ open ──▶ draining ──▶ closed ──▶ place given back
 *                 └──────── dial failed ──────────────▲
 *
 * What the budget refuses is claimed, and dialled when a place comes free. Each connection that ends unasked is told to
 * `redial`; what the pool itself gave up (`retired`) is no loss.
 */
export interface ConnectionSetOptions {
  readonly connect: (connectionId: number) => Connection;
  readonly budget: ConnectionBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly priority: number;
  readonly slots: Slots;
  readonly onConnected: ((durationMs: number) => void) | undefined;
  /** Something opened, ended, or may be dialled again: the pool looks what it wants now. */
  readonly onChange: (nowMs: number) => void;
  /** A dial failed and nothing is open. */
  readonly onUnreachable: (error: MeshError) => void;
  /** A claimed place has come: the pool calls `dial` with it and returns true if it still wants a connection. */
  readonly onPlace: (place: Place, nowMs: number) => boolean;
}

/** Calls in a row without an answer after which a connection is replaced: what ejects an instance, too. */
const maxFailures = 5;
/** Pause between two of them, so that an instance that is slow as a whole does not have its connections churned. */
const replacePauseMs = 5000;

export class ConnectionSet {
  readonly #slots: Slots;
  readonly #options: ConnectionSetOptions;
  readonly #redial: Redial;
  readonly #member: BudgetMember;
  #nextConnectionId = 1;
  #lastFailure: MeshError | undefined;
  #replacedAtMs = Number.NEGATIVE_INFINITY;
  #claiming = false;
  #closed = false;

  constructor(options: ConnectionSetOptions) {
    const { clock, random, slots } = options;
    this.#slots = slots;
    this.#options = options;
    this.#redial = new Redial(clock, random, () => options.onChange(clock.monotonicMs()));
    this.#member = {
      priority: options.priority,
      get connections() {
        return slots.open + slots.connecting;
      },
      takePlace: (place) => {
        const taken = options.onPlace(place, clock.monotonicMs());
        this.#claiming &&= taken;
        return taken;
      },
      giveUp: () => this.#retire(slots.newest() ?? slots.emptiest(), "a pool of higher priority needs it"),
    };
  }

  join(): void {
    this.#options.budget.join(this.#member);
  }

  /** Open, or likely to be soon: false from a failed dial or the loss of the last connection until one opens. */
  get reachable(): boolean {
    const { open, connecting } = this.#slots;
    return open > 0 || (!this.#redial.unsure && (connecting > 0 || this.#placesToCome > 0));
  }

  /** Waits for a place that the ceiling of the process refused. */
  get claiming(): boolean {
    return this.#claiming;
  }

  /** Why nobody should wait; undefined while something is open or may come. */
  refusal(): MeshError | undefined {
    if (this.#slots.open + this.#slots.connecting > 0) {
      return undefined;
    }
    if (this.#redial.backingOff) {
      return this.#lastFailure;
    }
    if (this.#claiming && this.#placesToCome === 0) {
      return new MeshError("CONNECTION_CEILING", `${this.#options.budget.limit} are open`);
    }
    return undefined;
  }

  /** How many of the connections that are wanted may be dialled now. */
  allowed(wanted: number, reason: ScaleReason, waiting: number): number {
    return this.#redial.allows(wanted, reason, this.#slots.connecting, waiting);
  }

  /** Dials as many as the ceiling of the process allows and claims the rest. Returns how many it dialled. */
  grow(count: number, reason: ScaleReason, nowMs: number): number {
    let dialled = 0;
    while (dialled < count) {
      const place = this.#options.budget.tryAllocate(this.#member);
      if (place === undefined) {
        break;
      }
      if (!this.dial(place, nowMs)) {
        return dialled;
      }
      dialled += 1;
    }
    this.#claim(count - dialled, reason !== "minimum", nowMs);
    return dialled;
  }

  /** No more are wanted than there are. */
  suffice(nowMs: number): void {
    this.#claim(0, false, nowMs);
  }

  /** Opens a connection with this place. Returns false when the address cannot even be dialled. */
  dial(place: Place, nowMs: number): boolean {
    let connection: Connection;
    try {
      connection = this.#options.connect(this.#nextConnectionId);
    } catch (error) {
      this.#options.budget.release(place, nowMs);
      this.#failed(error, nowMs);
      return false;
    }
    this.#nextConnectionId += 1;
    const slot = new PooledConnection(connection, place);
    this.#slots.add(slot);
    connection.onState(({ kind }) => {
      if (kind === "draining" || kind === "closed") {
        this.#ended(slot, kind);
      }
    });
    connection.opened.then(
      () => this.#opened(slot, nowMs),
      (error: unknown) => {
        if (!this.#closed && !slot.retired) {
          this.#failed(error, this.#options.clock.monotonicMs());
        }
      },
    );
    return true;
  }

  /** Lets the connection go that would be missed least. Returns false when none is open. */
  retireOne(reason: string): boolean {
    return this.#retire(this.#slots.emptiest(), reason);
  }

  /**
   * A call on it got no answer. Lets a connection go that answers none, though it is open (a peer behind a balancer, of which
   * one process hangs), unless it is the last: the pool then opens another. Returns whether it did.
   */
  unanswered(slot: PooledConnection, nowMs: number): boolean {
    slot.failures += 1;
    if (
      slot.failures < maxFailures ||
      slot.phase !== "open" ||
      this.#slots.open < 2 ||
      nowMs - this.#replacedAtMs < replacePauseMs
    ) {
      return false;
    }
    this.#replacedAtMs = nowMs;
    return this.#retire(slot, "it answers no calls");
  }

  /** Opens nothing more; what is open ends as the caller says. */
  close(end: (connection: Connection) => void): void {
    this.#closed = true;
    this.#redial.close();
    this.#options.budget.leave(this.#member);
    for (const { connection } of this.#slots.all()) {
      end(connection);
    }
  }

  get #placesToCome(): number {
    return this.#claiming ? this.#options.budget.comingTo(this.#member) : 0;
  }

  #claim(count: number, urgent: boolean, nowMs: number): void {
    if (count > 0 || this.#claiming) {
      this.#claiming = count > 0;
      this.#options.budget.claim(this.#member, count, urgent, nowMs);
    }
  }

  #opened(slot: PooledConnection, startedAtMs: number): void {
    if (slot.phase === "connecting") {
      const nowMs = this.#options.clock.monotonicMs();
      this.#slots.move(slot, "open");
      this.#redial.opened();
      this.#options.onConnected?.(nowMs - startedAtMs);
      this.#options.onChange(nowMs);
    }
  }

  /** Dials that fail while others are open wait for their turn too, but fail no call. */
  #failed(error: unknown, nowMs: number): void {
    const failure = error instanceof MeshError ? error : new MeshError("CONNECT_FAILED", undefined, { cause: error });
    this.#lastFailure = failure;
    this.#redial.failed(this.#slots.open);
    this.#claim(0, false, nowMs);
    if (this.#slots.open === 0) {
      this.#options.onUnreachable(failure);
    }
  }

  #ended(slot: PooledConnection, phase: "draining" | "closed"): void {
    const before = slot.phase;
    if (before === phase) {
      return;
    }
    const { budget, clock, onChange } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#slots.move(slot, phase);
    if (before === "open" && !slot.retired && !this.#closed) {
      this.#redial.lost(this.#slots.open);
    }
    if (phase === "closed") {
      budget.release(slot.place, nowMs);
    } else {
      budget.leaving(slot.place, nowMs);
    }
    // One that ends while it connects is a dial that failed: `opened` says so.
    if (before === "open") {
      onChange(nowMs);
    }
  }

  #retire(slot: PooledConnection | undefined, reason: string): boolean {
    if (slot === undefined) {
      return false;
    }
    // At once, and not when the connection says so: one that is still connecting ends without draining, and later.
    slot.retired = true;
    this.#ended(slot, "draining");
    slot.connection.drain(reason);
    return true;
  }
}
