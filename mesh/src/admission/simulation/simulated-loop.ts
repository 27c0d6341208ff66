import { type Clock, sleepOn, type Timer } from "../../clock.ts";

/*
 * One Node process in virtual time: a thread that turns through timers and then whatever sockets have ready, and that is
 * busy exactly as long as its work says. Around it the world goes on: bytes land in sockets while the thread is busy, and it
 * sees them when it comes around. That lateness is what admission is about.
 */

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
}

interface SimulatedTimer {
  readonly dueMs: number;
  readonly fn: () => void;
  canceled: boolean;
}

export class SimulatedLoop {
  #nowMs = 0;
  #timers: SimulatedTimer[] = [];
  readonly #outside = new EventHeap();
  readonly #ready = new EventHeap();
  readonly #microtasks: (() => void)[] = [];
  readonly clock: Clock;

  constructor() {
    const setTimer = (fn: () => void, delayMs: number): Timer => {
      const timer = { dueMs: this.#nowMs + Math.max(1, delayMs), fn, canceled: false };
      this.#timers.push(timer);
      return {
        cancel: () => {
          timer.canceled = true;
        },
      };
    };
    this.clock = {
      now: () => this.#nowMs,
      monotonicMs: () => this.#nowMs,
      setTimer,
      sleep: (delayMs, signal) => sleepOn(this.clock, delayMs, signal),
    };
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Keeps the thread. */
  busy(ms: number): void {
    this.#nowMs += ms;
  }

  /** Happens at its time, whatever the thread does. */
  outside(atMs: number, fn: () => void): void {
    this.#outside.push(atMs, fn);
  }

  /** The thread calls `fn` when it comes around after `atMs`. */
  readyAt(atMs: number, fn: () => void): void {
    this.#ready.push(atMs, fn);
  }

  /** After the callback that runs, in the same turn. */
  microtask(fn: () => void): void {
    this.#microtasks.push(fn);
  }

  runUntil(untilMs: number): void {
    while (this.#nowMs < untilMs) {
      this.#runTimers();
      this.#letTheWorldCatchUp();
      // A turn takes what is ready as it begins; what becomes ready during it belongs to the next.
      const pollMs = this.#nowMs;
      let worked = false;
      for (let fn = this.#ready.popUntil(pollMs); fn !== undefined; fn = this.#ready.popUntil(pollMs)) {
        this.#call(fn);
        worked = true;
      }
      if (!worked) {
        this.#nowMs = Math.max(this.#nowMs, Math.min(untilMs, this.#nextMs()));
      }
    }
  }

  #call(fn: () => void): void {
    this.#letTheWorldCatchUp();
    fn();
    for (let next = this.#microtasks.shift(); next !== undefined; next = this.#microtasks.shift()) {
      next();
    }
  }

  #letTheWorldCatchUp(): void {
    for (let fn = this.#outside.popUntil(this.#nowMs); fn !== undefined; fn = this.#outside.popUntil(this.#nowMs)) {
      fn();
    }
  }

  #nextMs(): number {
    const timers = this.#timers.map((timer) => timer.dueMs);
    return Math.min(this.#outside.nextMs, this.#ready.nextMs, ...timers);
  }

  #runTimers(): void {
    const due = this.#timers.filter((timer) => timer.dueMs <= this.#nowMs);
    this.#timers = this.#timers.filter((timer) => timer.dueMs > this.#nowMs && !timer.canceled);
    for (const timer of due.sort((a, b) => a.dueMs - b.dueMs)) {
      if (!timer.canceled) {
        this.#call(timer.fn);
      }
    }
  }
}

/** Events, earliest first, those of one time in the order in which they were pushed: a binary heap. */
class EventHeap {
  readonly #events: Event[] = [];
  #order = 0;

  get nextMs(): number {
    return this.#events[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  push(atMs: number, fn: () => void): void {
    const events = this.#events;
    const event = { atMs, order: this.#order, fn };
    this.#order += 1;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, events[parent] as Event)) break;
      events[at] = events[parent] as Event;
      at = parent;
    }
    events[at] = event;
  }

  /** Takes out the earliest if it is not later than that. */
  popUntil(untilMs: number): (() => void) | undefined {
    const first = this.#events[0];
    if (first === undefined || first.atMs > untilMs) {
      return undefined;
    }
    const last = this.#events.pop() as Event;
    if (this.#events.length > 0) {
      this.#sink(last);
    }
    return first.fn;
  }

  #sink(event: Event): void {
    const events = this.#events;
    let at = 0;
    for (let child = 1; child < events.length; child = at * 2 + 1) {
      if (child + 1 < events.length && before(events[child + 1] as Event, events[child] as Event)) child += 1;
      if (!before(events[child] as Event, event)) break;
      events[at] = events[child] as Event;
      at = child;
    }
    events[at] = event;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
