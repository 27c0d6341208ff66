import { beforeEach, describe, expect, test } from "vitest";
import { type AdmissionTicket, TicketQueue } from "./ticket-queue.ts";

function ticket(priority: number, deadlineMs: number): AdmissionTicket {
  return {
    priority,
    deadlineMs,
    ticketNext: undefined,
    ticketPrevious: undefined,
    ticketQueuedAtMs: -1,
    admitted: () => {},
    refused: () => {},
  };
}

/** Lines stand after 100 ms, and then keep a ticket for 20 ms at least. */
let queue: TicketQueue;
beforeEach(() => {
  queue = new TicketQueue(100, 20);
});

/** Its caller gives it 100 ms, so that it may wait for 20 ms, unless something else is said. */
function push(priority: number, nowMs: number, allowedMs = 100): AdmissionTicket {
  const pushed = ticket(priority, nowMs + allowedMs);
  queue.push(pushed, nowMs);
  return pushed;
}

function expired(nowMs: number): AdmissionTicket[] {
  const taken: AdmissionTicket[] = [];
  queue.takeExpired(nowMs, (one) => taken.push(one));
  return taken;
}

describe("a line in which nobody waits too long", () => {
  test("is served in the order of arrival, the important first", () => {
    const tickets = [push(2, 0), push(2, 1), push(0, 2), push(3, 3), push(1, 4)];
    const served: AdmissionTicket[] = [];
    for (let next = queue.peek(50); next !== undefined; next = queue.peek(50)) {
      queue.remove(next);
      served.push(next);
    }
    expect(served.map((one) => tickets.indexOf(one))).toEqual([2, 4, 0, 1, 3]);
    expect(queue.size).toBe(0);
  });

  test("keeps its tickets, and gives way to a more important one only", () => {
    const oldest = push(2, 0);
    push(2, 1);
    expect(expired(100)).toEqual([]);
    expect(queue.victimFor(2, 100)).toBeUndefined();
    expect(queue.victimFor(1, 100)).toBe(oldest);
  });

  test("may stand for as long as it moves", () => {
    const waiting = [push(2, 0, 10_000)];
    for (let nowMs = 10; nowMs < 5000; nowMs += 10) {
      waiting.push(push(2, nowMs, 10_000));
      expect(expired(nowMs)).toEqual([]);
      const next = queue.peek(nowMs) as AdmissionTicket;
      expect(next).toBe(waiting.shift());
      queue.remove(next);
    }
    expect(queue.size).toBe(1);
  });
});

describe("a line that has not been empty for the interval, and in which somebody waits too long", () => {
  test("is served from its new end, and gives up who has", () => {
    const oldest = push(2, 0);
    const middle = push(2, 90);
    const newest = push(2, 100);
    expect(queue.peek(101)).toBe(oldest);
    expect(expired(101)).toEqual([oldest]);
    expect(queue.peek(101)).toBe(newest);
    expect(expired(109)).toEqual([]);
    expect(queue.victimFor(2, 109)).toBe(middle);
  });

  test("lets each wait for a tenth of its caller's time, up to a second", () => {
    const [short, long, endless] = [push(2, 0, 500), push(2, 0, 5000), push(2, 0, Number.POSITIVE_INFINITY)];
    expect(expired(101)).toEqual([short]);
    expect(expired(500)).toEqual([]);
    expect(expired(501)).toEqual([long]);
    expect(expired(1000)).toEqual([]);
    expect(expired(1001)).toEqual([endless]);
  });

  test("finds those in the middle, too", () => {
    const patient = push(2, 0, 10_000);
    const hasty = push(2, 1);
    expect(expired(101)).toEqual([hasty]);
    expect([queue.size, queue.peek(101)]).toEqual([1, patient]);
  });

  test("does not make the others late: each is judged by itself", () => {
    push(2, 0);
    const important = push(0, 100);
    push(0, 110);
    expect(expired(150)).toHaveLength(1);
    expect(queue.peek(150)).toBe(important);
  });

  test("lets important tickets wait longer", () => {
    const important = push(0, 0);
    const later = push(0, 90);
    expect(expired(101)).toEqual([important]);
    expect(expired(165)).toEqual([]);
    expect(expired(171)).toEqual([later]);
  });

  test("is served in order again when nobody has waited too long for an interval", () => {
    push(2, 0);
    const first = push(2, 100);
    const second = push(2, 110);
    expect(expired(115)).toHaveLength(1);
    expect([queue.peek(215), queue.peek(216)]).toEqual([second, first]);
  });

  test("begins anew once it was empty", () => {
    queue.remove(push(2, 0));
    const first = push(2, 150);
    push(2, 160);
    expect(expired(200)).toEqual([]);
    expect(queue.peek(200)).toBe(first);
  });
});

describe("a ticket", () => {
  test("can be taken out from anywhere, once", () => {
    const [first, second, third] = [push(2, 0), push(2, 1), push(2, 2)];
    expect([queue.remove(second), queue.remove(second), queue.size]).toEqual([true, false, 2]);
    expect(queue.peek(3)).toBe(first);
    queue.remove(first);
    expect(queue.peek(3)).toBe(third);
    queue.remove(third);
    expect([queue.peek(3), third.ticketNext, third.ticketPrevious]).toEqual([undefined, undefined, undefined]);
  });

  test("sees only what is as important or more ahead of it", () => {
    push(1, 0);
    expect([0, 1, 2, 3].map((priority) => queue.hasAhead(priority))).toEqual([false, true, true, true]);
  });
});
