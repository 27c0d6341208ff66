/*
 * The calls that wait for admission, one line per priority, linked through the tickets themselves:
 *
 *   0: oldest ⇄ … ⇄ newest      a line is served from its old end while it empties now and then, and from its new end once
 *   1: …                        it has not been empty for an interval: then the oldest have waited for nothing already,
 *   2: …                        and serving them first would make everybody late (adaptive LIFO, as Facebook has it)
 *   3: …
 *
 * A line that has not been empty for an interval also keeps tickets for a short time only (CoDel). Each line is judged by
 * itself: under overload the unimportant wait in a standing line while the important ones pass through an empty one.
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

/** What is important may wait longer: it is served first, so its line stands only when little else is served. */
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
}

export class TicketQueue {
  readonly #lines: readonly Line[] = Array.from({ length: priorityCount }, () => ({
    oldest: undefined,
    newest: undefined,
    filledAtMs: 0,
  }));
  readonly #standingAfterMs: number;
  readonly #waitMs: number;
  #size = 0;

  /** A line is standing after `standingAfterMs` without being empty, and then keeps a ticket for `waitMs` (more important ones longer). */
  constructor(standingAfterMs: number, waitMs: number) {
    this.#standingAfterMs = standingAfterMs;
    this.#waitMs = waitMs;
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
        return this.#standing(line, nowMs) ? line.newest : line.oldest;
      }
    }
    return undefined;
  }

  /** A ticket that has waited longer than its line keeps tickets; undefined when there is none. */
  expired(nowMs: number): AdmissionTicket | undefined {
    for (let priority = 0; priority < priorityCount; priority += 1) {
      const line = this.#line(priority);
      const oldest = line.oldest;
      if (oldest !== undefined && this.#standing(line, nowMs)) {
        const waitedMs = nowMs - oldest.ticketQueuedAtMs;
        if (waitedMs > this.#waitMs * (waitShare[priority] as number)) {
          return oldest;
        }
      }
    }
    return undefined;
  }

  /**
   * Who has to go so that a call of this priority can wait: the oldest of the least important; among equals only when
   * their line is standing, as then the oldest would be served last.
   */
  victimFor(priority: number, nowMs: number): AdmissionTicket | undefined {
    for (let least = priorityCount - 1; least >= priority; least -= 1) {
      const line = this.#line(least);
      if (line.oldest !== undefined && (least > priority || this.#standing(line, nowMs))) {
        return line.oldest;
      }
    }
    return undefined;
  }

  #standing(line: Line, nowMs: number): boolean {
    return nowMs - line.filledAtMs > this.#standingAfterMs;
  }

  #line(priority: number): Line {
    return this.#lines[priority] as Line;
  }
}
