import { MeshError } from "../errors.ts";
import type { Pool, PooledConnection, PoolWaiter } from "../pool/pool.ts";

/** A call that waits for a connection, and what became of it. */
export class TestWaiter implements PoolWaiter {
  poolSeat = -1;
  slot: PooledConnection | undefined = undefined;
  error: MeshError | undefined = undefined;
  readonly #then: (waiter: TestWaiter) => void;

  constructor(then: (waiter: TestWaiter) => void = () => undefined) {
    this.#then = then;
  }

  onConnection(slot: PooledConnection): void {
    this.slot = slot;
    this.#then(this);
  }

  onNoConnection(error: MeshError): void {
    this.error = error;
    this.#then(this);
  }

  /** "taken", "waiting", or the code of the error. */
  get outcome(): string {
    return this.error?.meshCode ?? (this.slot === undefined ? "waiting" : "taken");
  }
}

/** Asks the pool for a connection as a call does; what it throws is the outcome too. */
export function ask(pool: Pool, nowMs: number, then?: (waiter: TestWaiter) => void): TestWaiter {
  const waiter = new TestWaiter(then);
  const slot = pool.tryAcquire(nowMs);
  if (slot !== undefined) {
    waiter.onConnection(slot);
    return waiter;
  }
  try {
    pool.enqueue(waiter, nowMs);
  } catch (error) {
    if (!(error instanceof MeshError)) {
      throw error;
    }
    waiter.onNoConnection(error);
  }
  return waiter;
}
