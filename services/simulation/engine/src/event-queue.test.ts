import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventQueue, noLane } from "./event-queue.ts";

describe("EventQueue", () => {
  test("hands events out by time, and those of one time in the order they came", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat({ max: 20 }), fc.constant("pop" as const)), { maxLength: 400 }),
        (actions) => {
          const queue = new EventQueue({ capacity: 2 });
          const expected: { timeNs: number; subject: number }[] = [];
          let subject = 0;
          for (const action of [...actions, ...actions.map(() => "pop" as const)]) {
            if (action !== "pop") {
              queue.push(action, subject % 7, subject);
              expected.push({ timeNs: action, subject: subject++ });
              continue;
            }
            // A stable sort is the specification.
            expected.sort((a, b) => a.timeNs - b.timeNs);
            const next = expected.shift();
            expect(queue.nextTimeNs).toBe(next?.timeNs ?? Number.POSITIVE_INFINITY);
            expect(queue.pop()).toBe(next !== undefined);
            if (next === undefined) continue;
            expect(queue).toMatchObject({ nowNs: next.timeNs, subject: next.subject, kind: next.subject % 7 });
          }
          expect(queue.size).toBe(0);
        },
      ),
    );
  });

  test("answers with the sequence that the event carries later", () => {
    const queue = new EventQueue();
    const late = queue.push(2e15, 1, 5);
    const early = queue.push(7, 2, 2 ** 27 - 1);
    queue.pop();
    expect(queue).toMatchObject({ sequence: early, kind: 2, subject: 2 ** 27 - 1 });
    queue.pop();
    expect(queue).toMatchObject({ sequence: late, nowNs: 2e15 });
  });

  test("hands events out in the same order with lanes and without", () => {
    const delaysNs = [0, 3, 3, 10, 500];
    const action = fc.record({ delay: fc.nat({ max: delaysNs.length }), advance: fc.boolean() });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 600 }), (actions) => {
        const [heap, laned] = [new EventQueue({ lanes: false }), new EventQueue()];
        const lanes = delaysNs.map((delayNs) => laned.laneOf(delayNs));
        expect(heap.laneOf(3)).toBe(noLane);
        const popped = (queue: EventQueue) => [queue.pop(), queue.nowNs, queue.sequence, queue.kind, queue.subject];
        for (const [subject, { delay, advance }] of actions.entries()) {
          const lane = lanes[delay] ?? noLane;
          const delayNs = delaysNs[delay] ?? (subject * 7919) % 97;
          const sequence = heap.after(delayNs, noLane, subject % 15, subject);
          expect(laned.after(delayNs, lane, subject % 15, subject)).toBe(sequence);
          if (!advance) continue;
          expect(laned.nextTimeNs).toBe(heap.nextTimeNs);
          expect(popped(laned)).toEqual(popped(heap));
        }
        expect(laned.size).toBe(heap.size);
        while (heap.size > 0) expect(popped(laned)).toEqual(popped(heap));
        expect([laned.size, laned.pop()]).toEqual([0, false]);
      }),
    );
  });

  test("keeps the order when an event comes into a lane before the lane's last", () => {
    const queue = new EventQueue();
    const lane = queue.laneOf(5);
    queue.after(10, lane, 1, 1);
    queue.after(20, lane, 1, 2);
    queue.after(15, lane, 1, 3);
    const order: number[] = [];
    while (queue.pop()) order.push(queue.subject);
    expect(order).toEqual([1, 3, 2]);
  });

  test("lets happen at once what has no delay, before all else of that time", () => {
    const queue = new EventQueue();
    queue.push(5, 1, 1);
    queue.push(5, 1, 2);
    queue.pop();
    queue.after(0, noLane, 1, 3);
    queue.after(0, queue.laneOf(0), 1, 4);
    const order: number[] = [];
    while (queue.pop()) order.push(queue.subject);
    expect([order, queue.nowNs]).toEqual([[3, 4, 2], 5]);
  });

  test("a lane of events that may be cancelled hands out the first, and then only those that still count", () => {
    const queue = new EventQueue();
    const due = new Float64Array(10);
    const lane = queue.laneOf(7, { dueSequence: (subject) => due[subject] as number });
    expect(queue.laneOf(7)).not.toBe(lane);
    for (let subject = 0; subject < 10; subject++) due[subject] = queue.after(7, lane, 1, subject);
    for (const subject of [1, 2, 5, 9]) due[subject] = 0;
    const order: number[] = [];
    while (queue.pop()) order.push(queue.subject);
    expect(order).toEqual([0, 3, 4, 6, 7, 8]);
    queue.after(7, lane, 1, 4);
    expect([queue.pop(), queue.subject, queue.nowNs]).toEqual([true, 4, 14]);
  });
});
