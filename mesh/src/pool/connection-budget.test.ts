import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BudgetMember, ConnectionBudget, type Place } from "./connection-budget.ts";

/** A pool of which the test says what it wants; a connection that it gives up drains until the test closes it. */
class Member implements BudgetMember {
  readonly priority: number;
  readonly held: Place[] = [];
  readonly draining: Place[] = [];
  wants = true;
  /** Places that it has claimed and not got. */
  lacks = 0;
  readonly #budget: ConnectionBudget;

  constructor(budget: ConnectionBudget, priority: number) {
    this.#budget = budget;
    this.priority = priority;
    budget.join(this);
  }

  get connections(): number {
    return this.held.length;
  }

  /** Takes what it may have at once, and claims the rest. */
  want(count: number, urgent = true): this {
    let left = count;
    for (; left > 0; left -= 1) {
      const place = this.#budget.tryAllocate(this);
      if (place === undefined) {
        break;
      }
      this.held.push(place);
    }
    this.lacks = left;
    this.#budget.claim(this, left, urgent, 0);
    return this;
  }

  takePlace(place: Place): boolean {
    if (this.wants) {
      this.held.push(place);
      this.lacks -= 1;
    }
    return this.wants;
  }

  giveUp(): boolean {
    const place = this.held.pop();
    if (place !== undefined) {
      this.draining.push(place);
      this.#budget.leaving(place, 0);
    }
    return place !== undefined;
  }

  /** What drains has closed. */
  close(nowMs = 0): void {
    for (const place of this.draining.splice(0)) {
      this.#budget.release(place, nowMs);
    }
  }

  letGo(): void {
    this.giveUp();
    this.close();
  }
}

function pools(limit: number, priorities: readonly number[]) {
  const budget = new ConnectionBudget(limit);
  const members = priorities.map((priority) => new Member(budget, priority));
  const at = (index: number): Member => members[index] ?? expect.fail(`no pool ${index}`);
  const settle = (): void => {
    while (members.some(({ draining }) => draining.length > 0)) {
      for (const member of members) {
        member.close();
      }
    }
  };
  return { budget, members, at, settle, sizes: () => members.map(({ connections }) => connections) };
}

describe("the ceiling", () => {
  test("is a thousand connections unless told otherwise", () => {
    expect(new ConnectionBudget().limit).toBe(1000);
  });

  test("refuses beyond its limit until one is given back", () => {
    const { budget, at } = pools(2, [0]);
    const [first] = [budget.tryAllocate(at(0)), budget.tryAllocate(at(0))];
    expect(budget.tryAllocate(at(0))).toBeUndefined();
    expect(budget.allocated).toBe(2);
    budget.release(first as Place, 0);
    expect(budget.tryAllocate(at(0))).toBeDefined();
  });

  test("reports a place that is given back twice", () => {
    const { budget, at } = pools(2, [0]);
    const place = budget.tryAllocate(at(0)) as Place;
    budget.release(place, 0);
    expect(() => budget.release(place, 0)).toThrow("given back twice");
  });

  test.each([0, -1, 1.5, Number.NaN])("refuses the limit %s", (limit) => {
    expect(() => new ConnectionBudget(limit)).toThrow("it takes a whole number from 1");
  });
});

describe("at the ceiling", () => {
  test("a pool takes from a lower one, whose connection drains and closes first", () => {
    const { at, sizes, budget } = pools(10, [0, 1]);
    at(1).want(10);
    at(0).want(2);
    expect(sizes()).toEqual([0, 8]);
    expect([at(1).draining.length, budget.comingTo(at(0)), budget.allocated]).toEqual([2, 2, 10]);
    at(1).close();
    expect([sizes(), budget.allocated, budget.claimed]).toEqual([[2, 8], 10, 0]);
  });

  test("the lowest gives first, and everyone's last connection is spared while another has two", () => {
    const { at, settle, sizes } = pools(12, [0, 1, 2, 3]);
    at(1).want(4);
    at(2).want(4);
    at(3).want(4);
    at(0).want(4);
    settle();
    expect(sizes()).toEqual([4, 4, 3, 1]);
    at(0).want(3);
    settle();
    expect(sizes()).toEqual([7, 3, 1, 1]);
  });

  test("the highest priority gets what it needs for its load even when every other pool is at one", () => {
    const { at, settle, sizes } = pools(3, [0, 1, 2, 4]);
    at(3).want(1);
    at(2).want(1);
    at(1).want(1);
    at(0).want(1);
    settle();
    expect(sizes()).toEqual([1, 1, 1, 0]);
    at(0).want(1, false);
    settle();
    expect(sizes()).toEqual([1, 1, 1, 0]);
    at(0).want(1);
    settle();
    expect(sizes()).toEqual([2, 1, 0, 0]);
  });

  test("another takes somebody's last connection only for its own first", () => {
    const { at, settle, sizes } = pools(3, [0, 1, 2]);
    at(0).want(1);
    at(2).want(2);
    at(1).want(2);
    settle();
    expect(sizes()).toEqual([1, 1, 1]);
    at(2).letGo();
    expect(sizes()).toEqual([1, 2, 0]);
  });

  test("nobody takes from a higher pool, so what was given up does not come back while it is held", () => {
    const { at, settle, sizes, budget } = pools(6, [0, 1]);
    at(1).want(6);
    at(0).want(3);
    settle();
    at(1).want(3);
    settle();
    expect([sizes(), budget.comingTo(at(1))]).toEqual([[3, 3], 0]);
    at(0).letGo();
    expect(sizes()).toEqual([2, 4]);
  });

  test("equals end up even, and then leave each other alone", () => {
    const { at, settle, sizes } = pools(10, [1, 1, 1]);
    at(0).want(10);
    at(1).want(10);
    settle();
    expect(sizes()).toEqual([5, 5, 0]);
    at(2).want(10);
    settle();
    expect(sizes().sort()).toEqual([3, 3, 4]);
    at(0).want(5);
    at(1).want(5);
    settle();
    expect(sizes().sort()).toEqual([3, 3, 4]);
  });

  test("places that come free go by priority, then to whoever has waited longest, one each", () => {
    const { at, sizes } = pools(4, [0, 2, 2, 1]);
    at(0).want(4);
    at(1).want(2);
    at(2).want(2);
    at(3).want(1);
    const seen = Array.from({ length: 4 }, () => {
      at(0).letGo();
      return sizes().slice(1);
    });
    expect(seen).toEqual([
      [0, 0, 1],
      [1, 0, 1],
      [1, 1, 1],
      [2, 1, 1],
    ]);
  });

  test("a pool whose connection closes does not get its place back before the one that it was taken for", () => {
    const { budget, at, sizes } = pools(2, [0, 1]);
    at(1).want(2);
    const { giveUp } = at(1);
    at(1).giveUp = () => {
      // It closes at once, while the budget is still asking, and its pool would dial anew.
      const gave = giveUp.call(at(1));
      at(1).close();
      expect(budget.tryAllocate(at(1))).toBeUndefined();
      return gave;
    };
    at(0).want(1);
    expect(sizes()).toEqual([1, 1]);
  });

  test("a place that is not needed any more goes to the next", () => {
    const { at, sizes, budget } = pools(1, [0, 1, 2]);
    at(0).want(1);
    at(1).want(1).wants = false;
    at(2).want(1);
    at(0).letGo();
    expect([sizes(), budget.claimed, budget.allocated]).toEqual([[0, 0, 1], 0, 1]);
  });

  test("nobody else is asked while connections drain that will be enough", () => {
    const { at, budget } = pools(4, [0, 1]);
    at(1).want(4);
    at(1).giveUp();
    at(0).want(1);
    expect([at(1).connections, budget.comingTo(at(0))]).toEqual([3, 1]);
  });

  test("another is asked when one has drained for more than five seconds", () => {
    const { at, budget } = pools(4, [0, 1]);
    at(1).want(4);
    at(0).want(1);
    budget.claim(at(0), 1, true, 5000);
    expect(at(1).draining).toHaveLength(1);
    budget.claim(at(0), 1, true, 5001);
    expect(at(1).draining).toHaveLength(2);
  });

  test("a pool that leaves is asked for nothing and given nothing", () => {
    const { at, budget, sizes } = pools(3, [0, 1, 2]);
    at(1).want(3);
    budget.leave(at(1));
    at(0).want(1);
    at(2).want(1);
    budget.leave(at(0));
    at(1).letGo();
    expect([sizes(), budget.claimed]).toEqual([[0, 2, 1], 0]);
  });

  test("holds whatever pools do: never exceeded, nothing lost, and in the end nobody lower has what a higher one lacks", () => {
    const step = fc.record({ pool: fc.nat(4), want: fc.integer({ min: -3, max: 6 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (steps, limit) => {
        const { budget, members, at, settle } = pools(limit, [0, 1, 1, 2, 3]);
        for (const { pool, want } of steps) {
          if (want > 0) {
            at(pool).want(want);
          } else {
            for (let count = want; count < 0; count += 1) {
              at(pool).giveUp();
            }
          }
          expect(budget.allocated).toBeLessThanOrEqual(limit);
          expect(budget.allocated).toBe(
            members.reduce((sum, { held, draining }) => sum + held.length + draining.length, 0),
          );
        }
        settle();
        for (const member of members.filter(({ lacks }) => lacks > 0)) {
          const richer = members.filter((other) => other.priority > member.priority && other.connections > 1);
          expect(richer).toEqual([]);
        }
        for (const member of members) {
          budget.leave(member);
          while (member.giveUp()) {
            member.close();
          }
          member.close();
        }
        expect([budget.allocated, budget.claimed]).toEqual([0, 0]);
      }),
    );
  });
});
