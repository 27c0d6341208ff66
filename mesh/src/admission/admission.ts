import type { Clock, Timer } from "../clock.ts";
import type { Random } from "../random.ts";
import type { ResolvedAdmissionOptions } from "./admission-options.ts";
import { beatIntervalMs, EventLoopBudget } from "./event-loop-budget.ts";
import {
  decideLimit,
  type GradientLimitState,
  initialGradientLimit,
  isReadable,
  readingMaxMs,
  restedLimit,
} from "./gradient-limit.ts";
import { LatencyWindow } from "./latency-window.ts";
import { Priorities } from "./priority.ts";
import { RetryHint } from "./retry-hint.ts";
import { type AdmissionTicket, priorityCount, type RefusalReason, TicketQueue } from "./ticket-queue.ts";

/**
 * Lets calls start, wait, or go: the first layer of a server, so that what will not be answered in time costs next to
 * nothing, and whoever called learns it while there is time to go elsewhere. A refused call has not run.
 *
 *   arrives ──tryEnter──▶ in flight ──leave──▶ over
 *      └─────enqueue────▶ waits ──admitted──▶ in flight
 *                           └─────refused, withdraw──▶ over
 *
 * Two policies say how much is too much, since a Node process is overloaded in two ways: gradient-limit.ts sees calls in
 * flight wait for something (a database, each other), event-loop-budget.ts sees calls wait to be started at all. Who goes
 * first is ticket-queue.ts's. A call pays a few comparisons and additions; everything else happens on a beat of 10 ms, which
 * stops while nothing goes on.
 *
 * Left to others: what a refusal looks like on the wire, deadlines of waiting calls (the deadline wheel withdraws them), and
 * which calls never come here: health checks and reflection, which must answer in any overload.
 */
export class Admission {
  readonly #options: ResolvedAdmissionOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #observer: AdmissionObserver | undefined;
  readonly #priorities: Priorities;
  readonly #queue: TicketQueue;
  readonly #loop: EventLoopBudget;
  readonly #retryHint = new RetryHint();
  #gradient: GradientLimitState;
  #limit: number;
  #inFlight = 0;
  readonly #inFlightBy: number[] = new Array(priorityCount).fill(0);
  #draining = false;

  #beat: Timer | undefined;
  #beatDueMs = 0;
  #lastBeatMs = 0;
  #enteredSinceBeat = 0;
  #endedSinceBeat = 0;
  #refusedSinceBeat = 0;
  #idleBeats = 0;
  /** Calls until the clock is read again to see how late the loop is. */
  #unread = callsPerReading;

  readonly #window = new LatencyWindow();

  constructor(options: ResolvedAdmissionOptions, { clock, random, observer }: AdmissionParts) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#observer = observer;
    this.#priorities = new Priorities(options.priorities);
    this.#queue = new TicketQueue(options.standingAfterMs, options.standingWaitMs);
    this.#loop = new EventLoopBudget(options.eventLoopDelayMs);
    this.#gradient = initialGradientLimit(options);
    this.#limit = options.enabled ? Math.floor(this.#gradient.limit) : Number.POSITIVE_INFINITY;
  }

  /** How many calls may be in flight now; more important ones may come on top of less important ones. */
  get limit(): number {
    return this.#limit;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.size;
  }

  get priorities(): Priorities {
    return this.#priorities;
  }

  /** 0 is the most important, 3 the least. */
  priorityOf(method: string, caller: string | undefined): number {
    return this.#priorities.of(method, caller);
  }

  /** Whether the call may start now; it then ends with `leave`. Otherwise it goes to `enqueue`. */
  tryEnter(priority: number, nowMs: number): boolean {
    if (this.#beat === undefined) {
      if (!this.#options.enabled) {
        this.#enter(priority);
        return true;
      }
      this.#startBeating(nowMs);
    }
    if (!this.#hasRoomFor(priority)) {
      this.#window.limited = true;
      return false;
    }
    if (this.#queue.size > 0 && this.#queue.hasAhead(priority)) {
      return false;
    }
    this.#unread -= 1;
    if ((this.#unread <= 0 || this.#loop.overloaded) && !this.#loopAllows(priority)) {
      return false;
    }
    this.#enter(priority);
    return true;
  }

  /** The ticket waits, or is refused before this returns. */
  enqueue(ticket: AdmissionTicket, nowMs: number): void {
    const { priority } = ticket;
    if (this.#loop.overloaded && !this.#loopAllows(priority)) {
      this.#refuse(ticket, "event_loop");
    } else if (this.#isTooLateFor(ticket, nowMs)) {
      this.#refuse(ticket, "deadline");
    } else if (this.#queue.size < this.#options.maxQueued) {
      this.#queue.push(ticket, nowMs);
    } else {
      const victim = this.#queue.victimFor(priority, nowMs);
      if (victim === undefined) {
        this.#refuse(ticket, "queue_full");
      } else {
        this.#queue.remove(victim);
        this.#queue.push(ticket, nowMs);
        this.#refuse(victim, victim.priority > priority ? "evicted" : "waited_too_long");
      }
    }
  }

  /** The caller does not wait any more; nothing happens when the ticket is not in the queue. */
  withdraw(ticket: AdmissionTicket): void {
    this.#queue.remove(ticket);
  }

  /**
   * A call that had entered is over. `startedAtMs` is when it was let in, not when it arrived: waiting here must not look
   * like a slow handler. "dropped" is what ran out of time or resources, "ignored" what says nothing about latency:
   * canceled calls, streams, calls that failed before their handler.
   */
  leave(priority: number, startedAtMs: number, nowMs: number, outcome: "ok" | "dropped" | "ignored"): void {
    this.#inFlight -= 1;
    (this.#inFlightBy[priority] as number) -= 1;
    this.#endedSinceBeat += 1;
    if (outcome !== "ignored") {
      this.#window.add(nowMs - startedAtMs, outcome === "dropped");
    }
    if (this.#queue.size > 0) {
      this.#admitWaiting(nowMs);
    }
  }

  /** Stops the beat and refuses what waits. */
  close(): void {
    this.#beat?.cancel();
    this.#beat = undefined;
    for (;;) {
      const ticket = this.#queue.peek(this.#clock.monotonicMs());
      if (ticket === undefined) {
        return;
      }
      this.#queue.remove(ticket);
      this.#refuse(ticket, "stopped");
    }
  }

  /** Lets in what fits. A handler that answers at once comes back through `leave`: the loop that runs takes it up. */
  #admitWaiting(startMs: number): void {
    if (this.#draining) {
      return;
    }
    this.#draining = true;
    try {
      let nowMs = startMs;
      while (this.#admitNext(nowMs)) {
        nowMs = this.#clock.monotonicMs();
      }
    } finally {
      this.#draining = false;
    }
  }

  /** False when nothing waits that may start now. */
  #admitNext(nowMs: number): boolean {
    const ticket = this.#queue.peek(nowMs);
    if (ticket === undefined || !this.#hasRoomFor(ticket.priority) || !this.#loopAllows(ticket.priority)) {
      return false;
    }
    const waitedMs = nowMs - ticket.ticketQueuedAtMs;
    this.#queue.remove(ticket);
    if (this.#isTooLateFor(ticket, nowMs)) {
      this.#refuse(ticket, "deadline");
      return true;
    }
    this.#enter(ticket.priority);
    this.#observer?.admittedAfter(ticket.priority, waitedMs);
    ticket.admitted(nowMs);
    return true;
  }

  #enter(priority: number): void {
    this.#inFlight += 1;
    (this.#inFlightBy[priority] as number) += 1;
    this.#enteredSinceBeat += 1;
  }

  /**
   * Nobody waits for what is less important: only calls as important or more count against the adaptive limit. The most
   * important have some to spare: a limit that is being sought is too low now and then, and more of them would lower it.
   */
  #hasRoomFor(priority: number): boolean {
    if (this.#inFlight < this.#limit) {
      return true;
    }
    let ahead = 0;
    for (let important = 0; important <= priority; important += 1) {
      ahead += this.#inFlightBy[important] as number;
    }
    return ahead < this.#limit * (limitShare[priority] as number) && this.#inFlight < this.#options.maxInFlight;
  }

  #refuse(ticket: AdmissionTicket, reason: RefusalReason): void {
    this.#refusedSinceBeat += 1;
    this.#window.refusing = true;
    this.#retryHint.refused();
    this.#observer?.refused(ticket.priority, reason);
    ticket.refused(this.#retryHint.afterMs(this.#queue.size, this.#random.next()), reason);
  }

  readonly #giveUp = (ticket: AdmissionTicket): void => this.#refuse(ticket, "waited_too_long");

  /** Even without congestion it would not be answered in time. */
  #isTooLateFor(ticket: AdmissionTicket, nowMs: number): boolean {
    return ticket.deadlineMs - nowMs <= (this.#gradient.baseMs ?? 0);
  }

  /** By a reading of its own: what callers pass is often the time at which the whole batch was read. */
  #loopAllows(priority: number): boolean {
    this.#unread = callsPerReading;
    const nowMs = this.#clock.monotonicMs();
    return this.#loop.allows(priority, nowMs - this.#beatDueMs, nowMs);
  }

  #startBeating(nowMs: number): void {
    if (nowMs - this.#lastBeatMs > readingMaxMs) {
      this.#gradient = restedLimit(this.#gradient, this.#options);
      this.#limit = Math.floor(this.#gradient.limit);
      this.#window.start(nowMs);
    }
    this.#lastBeatMs = nowMs;
    this.#idleBeats = 0;
    this.#loop.rest(nowMs);
    this.#armBeat(nowMs);
  }

  #armBeat(nowMs: number): void {
    this.#beatDueMs = nowMs + beatIntervalMs;
    this.#beat = this.#clock.setTimer(this.#onBeat, beatIntervalMs);
  }

  readonly #onBeat = (): void => {
    const nowMs = this.#clock.monotonicMs();
    const elapsedMs = nowMs - this.#lastBeatMs;
    this.#retryHint.ended(this.#endedSinceBeat, elapsedMs);
    this.#loop.beat(nowMs - this.#beatDueMs, this.#endedSinceBeat, this.#refusedSinceBeat, elapsedMs, nowMs);
    const active = this.#enteredSinceBeat + this.#endedSinceBeat + this.#refusedSinceBeat + this.#queue.size > 0;
    this.#idleBeats = active ? 0 : this.#idleBeats + 1;
    this.#lastBeatMs = nowMs;
    this.#enteredSinceBeat = 0;
    this.#endedSinceBeat = 0;
    this.#refusedSinceBeat = 0;
    this.#decide(nowMs);
    this.#beat = undefined;
    if (this.#idleBeats < idleBeatsToRest) {
      this.#armBeat(nowMs);
      this.#queue.takeExpired(nowMs, this.#giveUp);
      this.#admitWaiting(nowMs);
    }
  };

  #decide(nowMs: number): void {
    if (nowMs < this.#gradient.settledAtMs) {
      this.#window.start(nowMs);
      return;
    }
    const reading = this.#window.read(nowMs);
    if (!isReadable(reading, this.#window.lengthMs(nowMs), this.#gradient, this.#options)) {
      return;
    }
    this.#gradient = decideLimit(reading, this.#gradient, this.#options, nowMs);
    this.#limit = Math.floor(this.#gradient.limit);
    this.#window.start(nowMs);
  }
}

export interface AdmissionParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly observer?: AdmissionObserver | undefined;
}

/** Told of what happens to calls that could not start at once. */
export interface AdmissionObserver {
  admittedAfter(priority: number, waitedMs: number): void;
  refused(priority: number, reason: RefusalReason): void;
}

/** By priority. */
const limitShare = [2, 1.5, 1, 1] as const;
/** Reading the clock costs some 30 ns, a tenth of what a call may. */
const callsPerReading = 16;
/** Calls that come seldom keep the beat: a quarter of a second without any stops it. */
const idleBeatsToRest = 25;
