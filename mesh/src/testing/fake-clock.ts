/**
 * A clock that stands still until a test moves it. `advance` fires the timers that fall due one by one, in the order of
 * their due times (ties in the order in which they were set), with `now()` at each one's due time, and lets the event
 * loop turn after each: promises that a timer settled, and timers that they set in turn, are seen before the next one.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, sleepOn, type Timer } from "../clock.ts";

interface PendingTimer {
  readonly dueMs: number;
  readonly fn: () => void;
}

export class FakeClock implements Clock {
  readonly #startMs: number;
  #nowMs: number;
  readonly #timers = new Set<PendingTimer>();

  /** Starts at `startMs` since the epoch; default 2026-01-01T00:00:00Z. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  setTimer(fn: () => void, delayMs: number): Timer {
    const timer: PendingTimer = { dueMs: this.#nowMs + Math.max(0, delayMs), fn };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Timers that are set and have not fired. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time forward by `ms`, firing what falls due on the way; 0 fires what is due now. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await nextTurn();
    for (let timer = this.#nextDue(untilMs); timer !== undefined; timer = this.#nextDue(untilMs)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.fn();
      await nextTurn();
    }
    this.#nowMs = untilMs;
  }

  #nextDue(untilMs: number): PendingTimer | undefined {
    let next: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > untilMs) continue;
      if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    }
    return next;
  }
}
