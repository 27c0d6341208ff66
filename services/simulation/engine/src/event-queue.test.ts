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
            expect(queue).toMatchObject({ timeNs: next.timeNs, subject: next.subject, kind: next.subject % 7 });
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
    expect(queue).toMatchObject({ sequence: late, timeNs: 2e15 });
  });

  test("hands events out in the same order with lanes and without", () => {
    const delaysNs = [0, 3, 3, 10, 500];
    const action = fc.record({ delay: fc.nat({ max: delaysNs.length }), advance: fc.boolean() });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 600 }), (actions) => {
        const [heap, laned] = [new EventQueue({ lanes: false }), new EventQueue()];
        const lanes = delaysNs.map((delayNs) => laned.laneOf(delayNs));
        expect(heap.laneOf(3)).toBe(noLane);
        const popped = (queue: EventQueue) => [queue.pop(), queue.timeNs, queue.sequence, queue.kind, queue.subject];
        let nowNs = 0;
        for (const [subject, { delay, advance }] of actions.entries()) {
          const lane = lanes[delay] ?? noLane;
          const timeNs = nowNs + (delaysNs[delay] ?? (subject * 7919) % 97);
          expect(laned.pushInto(lane, timeNs, subject % 14, subject)).toBe(heap.push(timeNs, subject % 15, subject));
          if (!advance) continue;
          expect(laned.nextTimeNs).toBe(heap.nextTimeNs);
          expect(popped(laned)).toEqual(popped(heap));
          nowNs = heap.timeNs;
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
    queue.pushInto(lane, 10, 1, 1);
    queue.pushInto(lane, 20, 1, 2);
    queue.pushInto(lane, 15, 1, 3);
    const order: number[] = [];
    while (queue.pop()) order.push(queue.subject);
    expect(order).toEqual([1, 3, 2]);
  });
});
