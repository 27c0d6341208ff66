/*
 * The calls that wait for admission, one line per priority, linked through the tickets themselves:
 *
 *   0: oldest ⇄ … ⇄ newest      a line is served from its old end while nobody waits too long, and from its new end once
 *   1: …                        somebody has: then the oldest have waited for nothing already, and serving them first
 *   2: …                        would make everybody late (adaptive LIFO, as Facebook has it)
 *   3: …
 *
 * What is too long the caller says: a tenth of the time it gives the call. A line may stand for as long as it likes while it
 * moves: callers that each wait for their answer, more of them than calls may run at once, make one that never empties, and
 * nobody is served badly in it. Only a line that has stood for an interval gives up what has waited too long (CoDel), so
 * that a burst may pass. Each line is judged by itself: under overload the unimportant wait in a late line while the
 * important ones pass through an empty one.
 */

/** What waits. The server's call is one itself; the three fields belong to the queue while it waits. */
export interface AdmissionTicket {
  /** 0 is the most important, 3 the least. */
  readonly priority: number;
  /** On the monotonic clock; Infinity for none. */
  readonly deadlineMs: number;
  ticketNext: AdmissionTicket | undefined;
  ticketPrevious: AdmissionTicket | undefined;
  /** Since when it waits; -1 while it does not. */
  ticketQueuedAtMs: number;
  /** The call may start: it is in flight from now on, and ends with `Admission.leave`. */
  admitted(nowMs: number): void;
  /** The call will not start. */
  refused(retryAfterMs: number, reason: RefusalReason): void;
}

/** Of the time that a caller gives: it is left with nine tenths to go elsewhere. */
const patienceShare = 0.1;
/** However much time there is, somebody may be looking. */
const maxPatienceMs = 1000;
/** What is important may wait longer: it is served first, so its line is late only when little else is served. */
const waitShare = [4, 2, 1, 1] as const;

/** Why a call was refused; always before its handler ran. */
export const refusalReasons = [
  "queue_full",
  "evicted",
  "waited_too_long",
  "deadline",
  "event_loop",
  "stopped",
] as const;

export type RefusalReason = (typeof refusalReasons)[number];

export const priorityCount = 4;

interface Line {
  oldest: AdmissionTicket | undefined;
  newest: AdmissionTicket | undefined;
  /** Since when it has not been empty. */
  filledAtMs: number;
  /** When somebody in it was last found to have waited too long. */
  lateAtMs: number;
}

export class TicketQueue {
  readonly #lines: readonly Line[] = Array.from({ length: priorityCount }, () => ({
    oldest: undefined,
    newest: undefined,
    filledAtMs: 0,
    lateAtMs: Number.NEGATIVE_INFINITY,
  }));
  readonly #standingAfterMs: number;
  readonly #minWaitMs: number;
  #size = 0;

  /** A line stands after `standingAfterMs` without being empty; even then every ticket may wait for `minWaitMs`. */
  constructor(standingAfterMs: number, minWaitMs: number) {
    this.#standingAfterMs = standingAfterMs;
    this.#minWaitMs = minWaitMs;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether a call of this priority would overtake one that is as important or more. */
  hasAhead(priority: number): boolean {
    for (let ahead = 0; ahead <= priority; ahead += 1) {
      if (this.#line(ahead).oldest !== undefined) {
        return true;
      }
    }
    return false;
  }

  push(ticket: AdmissionTicket, nowMs: number): void {
    const line = this.#line(ticket.priority);
    ticket.ticketQueuedAtMs = nowMs;
    ticket.ticketNext = undefined;
    ticket.ticketPrevious = line.newest;
    if (line.newest === undefined) {
      line.oldest = ticket;
      line.filledAtMs = nowMs;
    } else {
      line.newest.ticketNext = ticket;
    }
    line.newest = ticket;
    this.#size += 1;
  }

  /** Takes a ticket out, wherever it is; false when it does not wait. */
  remove(ticket: AdmissionTicket): boolean {
    if (ticket.ticketQueuedAtMs < 0) {
      return false;
    }
    const line = this.#line(ticket.priority);
    const { ticketNext, ticketPrevious } = ticket;
    if (ticketPrevious === undefined) {
      line.oldest = ticketNext;
    } else {
      ticketPrevious.ticketNext = ticketNext;
    }
    if (ticketNext === undefined) {
      line.newest = ticketPrevious;
    } else {
      ticketNext.ticketPrevious = ticketPrevious;
    }
    ticket.ticketNext = undefined;
    ticket.ticketPrevious = undefined;
    ticket.ticketQueuedAtMs = -1;
    this.#size -= 1;
    return true;
  }

  /** The ticket that is served next; it stays in. */
  peek(nowMs: number): AdmissionTicket | undefined {
    for (let priority = 0; priority < priorityCount; priority += 1) {
      const line = this.#line(priority);
      if (line.oldest !== undefined) {
        return this.#late(line, nowMs) ? line.newest : line.oldest;
      }
    }
    return undefined;
  }

  /** Takes out everyone who has waited too long in a standing line, and hands them over. Costs a look at each ticket. */
  takeExpired(nowMs: number, handOver: (ticket: AdmissionTicket) => void): void {
    for (const line of this.#lines) {
      if (line.oldest === undefined || nowMs - line.filledAtMs <= this.#standingAfterMs) {
        continue;
      }
      let ticket: AdmissionTicket | undefined = line.oldest;
      while (ticket !== undefined) {
        const next: AdmissionTicket | undefined = ticket.ticketNext;
        if (nowMs - ticket.ticketQueuedAtMs > this.#patienceMs(ticket)) {
          line.lateAtMs = nowMs;
          this.remove(ticket);
          handOver(ticket);
        }
        ticket = next;
      }
    }
  }

  /**
   * Who has to go so that a call of this priority can wait: the oldest of the least important; among equals only when
   * their line is late, as then the oldest would be served last.
   */
  victimFor(priority: number, nowMs: number): AdmissionTicket | undefined {
    for (let least = priorityCount - 1; least >= priority; least -= 1) {
      const line = this.#line(least);
      if (line.oldest !== undefined && (least > priority || this.#late(line, nowMs))) {
        return line.oldest;
      }
    }
    return undefined;
  }

  #patienceMs(ticket: AdmissionTicket): number {
    const allowedMs = Math.min(maxPatienceMs, (ticket.deadlineMs - ticket.ticketQueuedAtMs) * patienceShare);
    return Math.max(this.#minWaitMs, allowedMs) * (waitShare[ticket.priority] as number);
  }

  #late(line: Line, nowMs: number): boolean {
    return nowMs - line.lateAtMs <= this.#standingAfterMs;
  }

  #line(priority: number): Line {
    return this.#lines[priority] as Line;
  }
}
