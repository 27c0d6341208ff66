import type { MeshError } from "../errors.ts";
import type { PooledConnection, Slots } from "./slots.ts";

/** Whoever waits for a connection. One of the two methods is called, once, unless it leaves before. */
export interface PoolWaiter {
  /** The queue's own: its place in the line. Begins as -1. */
  poolSeat: number;
  onConnection(slot: PooledConnection): void;
  onNoConnection(error: MeshError): void;
}

/**
 * The line of those that wait for a connection: first come, first served; anyone may leave from the middle.
 *
 *   seats:  … │ 41 │ 42 │ 43 │ 44 │ 45 │ …       seat n lies in ring[n modulo the ring's length]
 *              head  ·gone·          tail
 *
 * A waiter keeps the number of its seat, so leaving is one comparison and one store; the gap is passed over when the head
 * gets there. A full ring is packed when half of it is gaps and doubled otherwise, so no step costs more than O(1) on
 * average and nothing is allocated per waiter. A seat number alone proves nothing: it counts only when the ring holds that
 * very waiter there, so one that was served or waits elsewhere may leave twice without harm.
 */
export class WaitQueue {
  #ring: (PoolWaiter | undefined)[] = new Array(16).fill(undefined);
  #head = 0;
  #tail = 0;
  #size = 0;
  #serving = false;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  push(waiter: PoolWaiter): void {
    if (this.#tail - this.#head === this.#ring.length) {
      this.#makeRoom();
    }
    waiter.poolSeat = this.#tail;
    this.#ring[this.#tail & (this.#ring.length - 1)] = waiter;
    this.#tail += 1;
    this.#size += 1;
  }

  /** Takes the one that has waited longest. */
  shift(): PoolWaiter | undefined {
    const mask = this.#ring.length - 1;
    while (this.#head < this.#tail) {
      const waiter = this.#ring[this.#head & mask];
      this.#ring[this.#head & mask] = undefined;
      this.#head += 1;
      if (waiter !== undefined) {
        waiter.poolSeat = -1;
        this.#size -= 1;
        return waiter;
      }
    }
    return undefined;
  }

  /** Takes one out of the line; false when it is not in it. */
  leave(waiter: PoolWaiter): boolean {
    const index = waiter.poolSeat & (this.#ring.length - 1);
    if (this.#ring[index] !== waiter) {
      return false;
    }
    this.#ring[index] = undefined;
    waiter.poolSeat = -1;
    this.#size -= 1;
    return true;
  }

  /**
   * Gives out what is free. What a waiter does with its connection may give another back at once; that one is served by
   * the loop that runs already, since a call per waiter would exhaust the stack.
   */
  serve(slots: Slots): void {
    if (this.#serving) {
      return;
    }
    this.#serving = true;
    try {
      while (this.#size > 0) {
        const slot = slots.take();
        if (slot === undefined) {
          return;
        }
        this.shift()?.onConnection(slot);
      }
    } finally {
      this.#serving = false;
    }
  }

  /** Tells those in line now. Whoever comes back on hearing it is not told again. */
  turnAway(error: MeshError): void {
    for (let left = this.#size; left > 0; left -= 1) {
      this.shift()?.onNoConnection(error);
    }
  }

  #makeRoom(): void {
    const old = this.#ring;
    const length = this.#size > old.length / 2 ? old.length * 2 : old.length;
    const ring: (PoolWaiter | undefined)[] = new Array(length).fill(undefined);
    let seat = 0;
    for (let from = this.#head; from < this.#tail; from += 1) {
      const waiter = old[from & (old.length - 1)];
      if (waiter !== undefined) {
        waiter.poolSeat = seat;
        ring[seat] = waiter;
        seat += 1;
      }
    }
    this.#ring = ring;
    this.#head = 0;
    this.#tail = seat;
  }
}
