import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MeshError } from "../errors.ts";
import { TestWaiter } from "../testing/pooled-calls.ts";
import { WaitQueue } from "./wait-queue.ts";

describe("WaitQueue", () => {
  test("is empty at first", () => {
    const queue = new WaitQueue();
    expect([queue.size, queue.shift()]).toEqual([0, undefined]);
  });

  test("lets go of one that leaves, once, and never of one that is not in it", () => {
    const [queue, other] = [new WaitQueue(), new WaitQueue()];
    const [first, second, stranger] = [new TestWaiter(), new TestWaiter(), new TestWaiter()];
    queue.push(first);
    queue.push(second);
    other.push(stranger);
    expect([queue.leave(stranger), queue.leave(new TestWaiter()), queue.leave(first), queue.leave(first)]).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect([queue.size, queue.shift() === second, queue.leave(second), other.size]).toEqual([1, true, false, 1]);
  });

  test("turns away those in line and not those who come while it does", () => {
    const queue = new WaitQueue();
    const late = new TestWaiter();
    const waiters = [new TestWaiter(() => queue.push(late)), new TestWaiter()];
    for (const waiter of waiters) {
      queue.push(waiter);
    }
    queue.turnAway(new MeshError("QUEUE_FULL"));
    expect(waiters.map(({ outcome }) => outcome)).toEqual(["QUEUE_FULL", "QUEUE_FULL"]);
    expect([late.outcome, queue.size]).toEqual(["waiting", 1]);
  });

  test("serves in order of arrival, whoever leaves in between, however long the line grows", () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant("push" as const) },
      { weight: 2, arbitrary: fc.constant("shift" as const) },
      { weight: 3, arbitrary: fc.nat(1000) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const queue = new WaitQueue();
        const line: TestWaiter[] = [];
        for (const step of steps) {
          if (step === "push") {
            const waiter = new TestWaiter();
            line.push(waiter);
            queue.push(waiter);
          } else if (step === "shift") {
            expect(queue.shift()).toBe(line.shift());
          } else if (line.length > 0) {
            const [leaver] = line.splice(step % line.length, 1);
            expect(queue.leave(leaver as TestWaiter)).toBe(true);
          }
          expect(queue.size).toBe(line.length);
        }
        expect(Array.from({ length: queue.size }, () => queue.shift())).toEqual(line);
      }),
    );
  });
});
