import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventQueue } from "./event-queue.ts";

describe("EventQueue", () => {
  test("hands events out by time, and those of one time in the order they came", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat({ max: 20 }), fc.constant("pop" as const)), { maxLength: 400 }),
        (actions) => {
          const queue = new EventQueue(2);
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
    const early = queue.push(7, 2, 2 ** 28 - 1);
    queue.pop();
    expect(queue).toMatchObject({ sequence: early, kind: 2, subject: 2 ** 28 - 1 });
    queue.pop();
    expect(queue).toMatchObject({ sequence: late, timeNs: 2e15 });
  });
});
