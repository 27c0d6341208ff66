import { beforeEach, describe, expect, test } from "vitest";
import { type AdmissionTicket, TicketQueue } from "./ticket-queue.ts";

function ticket(priority = 2): AdmissionTicket {
  return {
    priority,
    deadlineMs: Number.POSITIVE_INFINITY,
    ticketNext: undefined,
    ticketPrevious: undefined,
    ticketQueuedAtMs: -1,
    admitted: () => {},
    refused: () => {},
  };
}

/** Lines stand after 100 ms and then keep a ticket for 20 ms. */
let queue: TicketQueue;
beforeEach(() => {
  queue = new TicketQueue(100, 20);
});

function push(priority: number, nowMs: number): AdmissionTicket {
  const pushed = ticket(priority);
  queue.push(pushed, nowMs);
  return pushed;
}

describe("a line that empties now and then", () => {
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
    expect(queue.expired(100)).toBeUndefined();
    expect(queue.victimFor(2, 100)).toBeUndefined();
    expect(queue.victimFor(1, 100)).toBe(oldest);
  });
});

describe("a line that has not been empty for the interval", () => {
  test("is served from its new end, and gives up what has waited too long", () => {
    const oldest = push(2, 0);
    const middle = push(2, 90);
    const newest = push(2, 100);
    expect(queue.peek(101)).toBe(newest);
    expect(queue.expired(101)).toBe(oldest);
    queue.remove(oldest);
    expect(queue.expired(109)).toBeUndefined();
    expect(queue.victimFor(2, 109)).toBe(middle);
  });

  test("does not make the others stand: each is judged by itself", () => {
    push(2, 0);
    const important = push(0, 100);
    push(0, 110);
    expect(queue.peek(150)).toBe(important);
  });

  test("lets important tickets wait longer", () => {
    const important = push(0, 0);
    push(0, 90);
    expect(queue.expired(101)).toBe(important);
    queue.remove(important);
    const later = queue.expired(165);
    expect([later, queue.expired(171)?.ticketQueuedAtMs]).toEqual([undefined, 90]);
  });

  test("begins anew once it was empty", () => {
    queue.remove(push(2, 0));
    const first = push(2, 150);
    push(2, 160);
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
