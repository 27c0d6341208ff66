import type { Clock, Timer } from "./clock.ts";

/**
 * One timer for all deadlines of a process: a hashed wheel. Nearly every call ends before its deadline, so setting and
 * taking back a deadline must cost next to nothing; a timer each costs more than the call.
 *
 *   slots:  [0] → entry ⇄ entry      an entry lies in the slot of its deadline, modulo one turn of the wheel
 *           [1]                      a tick looks at one slot: what is due ends, what belongs to a later turn stays
 *           …
 *
 * Entries are linked through themselves, so adding and removing allocates nothing. The timer is set for the next slot that
 * holds anything, and for 50 ms at most: it keeps the process alive, as somebody waits for those calls, and may outlive the
 * last of them by that much, which is cheaper than taking it back after every call. A deadline is never early, and late by
 * one tick (2 ms: half of what the shortest sensible deadline could notice).
 */
export abstract class DeadlineEntry {
  deadlineMs = Number.POSITIVE_INFINITY;
  wheelNext: DeadlineEntry | undefined = undefined;
  wheelPrevious: DeadlineEntry | undefined = undefined;
  /** The slot it lies in; -1 outside of the wheel. */
  wheelSlot = -1;

  /** The deadline has passed; the entry is no longer in the wheel. */
  abstract onDeadline(nowMs: number): void;
}

const slotCount = 1024;
const tickMs = 2;
const maxSleepTicks = 25;

export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #slots: (DeadlineEntry | undefined)[] = new Array(slotCount).fill(undefined);
  #timer: Timer | undefined;
  #entries = 0;
  /** The first tick that has not been looked at. */
  #tick = 0;
  /** The tick that the timer is set for. */
  #armedTick = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Entries in the wheel. */
  get size(): number {
    return this.#entries;
  }

  /** Puts an entry in, by its `deadlineMs`; one without a deadline (Infinity) stays out. */
  add(entry: DeadlineEntry): void {
    if (entry.deadlineMs === Number.POSITIVE_INFINITY) {
      return;
    }
    if (this.#entries === 0) {
      this.#tick = Math.max(this.#tick, Math.floor(this.#clock.monotonicMs() / tickMs));
    }
    const dueTick = Math.max(this.#tick, Math.ceil(entry.deadlineMs / tickMs));
    const slot = dueTick % slotCount;
    const first = this.#slots[slot];
    entry.wheelSlot = slot;
    entry.wheelPrevious = undefined;
    entry.wheelNext = first;
    if (first !== undefined) {
      first.wheelPrevious = entry;
    }
    this.#slots[slot] = entry;
    this.#entries += 1;
    if (this.#timer === undefined) {
      this.#arm();
    } else if (dueTick < this.#armedTick) {
      this.#timer.cancel();
      this.#arm();
    }
  }

  /** Takes an entry out; does nothing for one that is not in. */
  remove(entry: DeadlineEntry): void {
    const slot = entry.wheelSlot;
    if (slot < 0) {
      return;
    }
    const { wheelNext, wheelPrevious } = entry;
    if (wheelPrevious === undefined) {
      this.#slots[slot] = wheelNext;
    } else {
      wheelPrevious.wheelNext = wheelNext;
    }
    if (wheelNext !== undefined) {
      wheelNext.wheelPrevious = wheelPrevious;
    }
    entry.wheelSlot = -1;
    entry.wheelNext = undefined;
    entry.wheelPrevious = undefined;
    this.#entries -= 1;
  }

  /** Forgets the timer; what is in the wheel does not end any more. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    let tick = this.#tick;
    while (tick < this.#tick + maxSleepTicks && this.#slots[tick % slotCount] === undefined) {
      tick += 1;
    }
    this.#armedTick = tick;
    const delayMs = tick * tickMs - this.#clock.monotonicMs();
    this.#timer = this.#clock.setTimer(this.#turn, Math.max(1, delayMs), { ref: true });
  }

  readonly #turn = (): void => {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    const last = Math.floor(nowMs / tickMs);
    // After a pause of a whole turn every slot is looked at once.
    const first = Math.max(this.#tick, last - slotCount + 1);
    this.#tick = last + 1;
    for (let tick = first; tick <= last; tick += 1) {
      this.#expire(tick % slotCount, nowMs);
    }
    // An entry that ended may have added another and armed the timer itself.
    if (this.#entries > 0 && this.#timer === undefined) {
      this.#arm();
    }
  };

  #expire(slot: number, nowMs: number): void {
    let entry = this.#slots[slot];
    while (entry !== undefined) {
      const due: DeadlineEntry = entry;
      entry = due.wheelNext;
      if (due.deadlineMs <= nowMs) {
        this.remove(due);
        due.onDeadline(nowMs);
        // What it did may have taken the next one out: begin again with what is left.
        if (entry !== undefined && entry.wheelSlot !== slot) {
          entry = this.#slots[slot];
        }
      }
    }
  }
}
