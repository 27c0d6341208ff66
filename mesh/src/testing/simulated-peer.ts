import { ConnectionBudget } from "../pool/connection-budget.ts";
import { Pool, type PooledConnection } from "../pool/pool.ts";
import type { ScalerOptions } from "../pool/scaler.ts";
import { type Random, seededRandom } from "../random.ts";
import { FakeClock } from "./fake-clock.ts";
import { TestWaiter } from "./pooled-calls.ts";
import { ScriptedConnection } from "./scripted-connection.ts";

/**
 * A pool and its peer in virtual time: connections that take a while to open, calls that take a while to answer, a peer that
 * dies and comes back. Time goes in steps; at each, calls that are due end and new ones start until as many run as wanted.
 * Counts what the pool opened and closed, and what became of the calls.
 */
export interface SimulationOptions {
  readonly scaler?: Partial<ScalerOptions>;
  readonly ceiling?: number;
  /** How long a dial takes. */
  readonly dialMs?: number;
  /** A call takes between this and twice as long. */
  readonly callMs?: number;
  readonly stepMs?: number;
}

interface RunningCall {
  readonly slot: PooledConnection;
  readonly endMs: number;
}

class SimulatedConnection extends ScriptedConnection {
  calls = 0;
}

export class SimulatedPeer {
  readonly clock = new FakeClock();
  readonly budget: ConnectionBudget;
  pool: Pool;
  /** Calls by what became of them: those cut off were running when their connection ended. */
  readonly calls = { answered: 0, cutOff: 0, refused: 0 };
  /** Connections by what became of them. */
  readonly connections = { dialled: 0, failed: 0, opened: 0, given: 0, lost: 0 };
  /** Busy and open connections, summed over all steps. */
  readonly sums = { busy: 0, open: 0, steps: 0 };
  readonly #options: Required<SimulationOptions>;
  readonly #random: Random = seededRandom(11);
  #live: SimulatedConnection[] = [];
  #running: RunningCall[] = [];
  #waiting: TestWaiter[] = [];
  #alive = true;

  constructor(options: SimulationOptions = {}) {
    this.#options = { scaler: {}, ceiling: 1000, dialMs: 5, callMs: 100, stepMs: 200, ...options };
    this.budget = new ConnectionBudget(this.#options.ceiling);
    this.pool = this.#newPool();
  }

  /** Connections of all pools that are not closed. */
  get liveConnections(): number {
    return this.#live.length;
  }

  /** Lets virtual time pass under a load: so many calls at once, by second. */
  async run(seconds: number, callsAt: (second: number) => number): Promise<void> {
    const { stepMs } = this.#options;
    const startedAtMs = this.clock.monotonicMs();
    for (let atMs = 0; atMs < seconds * 1000; atMs += stepMs) {
      this.#step(startedAtMs + atMs, callsAt(Math.floor(atMs / 1000)));
      await this.clock.advance(stepMs);
    }
  }

  /** The process at the other end is killed: everything breaks, and dials are refused until `revive`. */
  kill(): void {
    this.#alive = false;
    for (const connection of [...this.#live]) {
      this.connections.lost += connection.state.kind === "connecting" ? 0 : 1;
      connection.fail();
    }
    this.#closeEmpty();
  }

  revive(): void {
    this.#alive = true;
  }

  /** The registry lost the instance and found it again: another pool. */
  replacePool(): void {
    this.pool.drain("the instance is gone");
    this.pool = this.#newPool();
  }

  #newPool(): Pool {
    const { scaler } = this.#options;
    const pool = new Pool({
      connect: (id) => this.#dial(id),
      budget: this.budget,
      clock: this.clock,
      random: this.#random,
      scaler,
    });
    pool.start();
    return pool;
  }

  #dial(id: number): SimulatedConnection {
    const connection = new SimulatedConnection(id);
    this.#live.push(connection);
    this.connections.dialled += 1;
    this.clock.setTimer(() => {
      if (connection.state.kind === "connecting" && this.#alive) {
        this.connections.opened += 1;
        connection.open();
      } else if (connection.state.kind === "connecting") {
        this.connections.failed += 1;
        connection.fail();
      }
    }, this.#options.dialMs);
    return connection;
  }

  #step(nowMs: number, wanted: number): void {
    const { running, ended } = split(this.#running, nowMs);
    this.#running = running;
    for (const { slot } of ended) {
      const connection = slot.connection as SimulatedConnection;
      connection.calls -= 1;
      this.calls[connection.state.kind === "closed" ? "cutOff" : "answered"] += 1;
      // A pool that is gone is given nothing back; its connections drain by themselves.
      this.pool.release(slot);
    }
    this.#closeEmpty();
    while (this.#running.length + this.#waiting.length > wanted && this.#waiting.length > 0) {
      this.pool.leave(this.#waiting.pop() as TestWaiter);
    }
    for (let missing = wanted - this.#running.length - this.#waiting.length; missing > 0; missing -= 1) {
      this.#call(nowMs);
    }
    this.sums.busy += this.#live.filter(({ calls }) => calls > 0).length;
    this.sums.open += this.pool.open;
    this.sums.steps += 1;
  }

  #call(nowMs: number): void {
    const slot = this.pool.tryAcquire(nowMs);
    if (slot !== undefined) {
      this.#begin(slot, nowMs);
      return;
    }
    const waiter = new TestWaiter(({ slot: given }) => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      if (given === undefined) {
        this.calls.refused += 1;
      } else {
        this.#begin(given, this.clock.monotonicMs());
      }
    });
    try {
      this.pool.enqueue(waiter, nowMs);
      this.#waiting.push(waiter);
    } catch {
      this.calls.refused += 1;
    }
  }

  #begin(slot: PooledConnection, nowMs: number): void {
    (slot.connection as SimulatedConnection).calls += 1;
    this.#running.push({ slot, endMs: nowMs + this.#options.callMs * (1 + this.#random.next()) });
  }

  /** A connection that drains closes when its last call has ended. */
  #closeEmpty(): void {
    for (const connection of this.#live) {
      if (connection.state.kind === "draining" && connection.calls === 0) {
        this.connections.given += 1;
        connection.lose();
      }
    }
    this.#live = this.#live.filter(({ state }) => state.kind !== "closed");
  }
}

function split(calls: readonly RunningCall[], nowMs: number): { running: RunningCall[]; ended: RunningCall[] } {
  const running: RunningCall[] = [];
  const ended: RunningCall[] = [];
  for (const call of calls) {
    (call.endMs > nowMs ? running : ended).push(call);
  }
  return { running, ended };
}
