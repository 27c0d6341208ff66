import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type SubsetDemand, subsetOf, subsetSizes } from "./subset.ts";

const self = (id: string): string => id;
const named = (count: number, prefix = "instance"): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

describe("subsetSizes", () => {
  const total = (sizes: readonly number[], demands: readonly SubsetDemand[]): number =>
    sizes.reduce((sum, size, index) => sum + size * (demands[index]?.minConnections ?? 0), 0);
  const anyDemands = fc.array(
    fc.record({ instances: fc.nat(40), minConnections: fc.integer({ min: 1, max: 8 }), priority: fc.nat(4) }),
    { maxLength: 12 },
  );

  test("takes every instance when they fit", () => {
    const demands = [
      { instances: 100, minConnections: 5, priority: 0 },
      { instances: 100, minConnections: 5, priority: 3 },
    ];
    expect(subsetSizes(1000, demands)).toEqual([100, 100]);
    expect(subsetSizes(999, demands)).toEqual([100, 99]);
  });

  test("gives everyone two, then the rest by priority, and shares it evenly between equals", () => {
    const demands = [
      { instances: 50, minConnections: 5, priority: 4 },
      { instances: 10, minConnections: 5, priority: 0 },
      { instances: 50, minConnections: 5, priority: 1 },
      { instances: 50, minConnections: 5, priority: 1 },
    ];
    expect(subsetSizes(200, demands)).toEqual([2, 10, 14, 14]);
  });

  test("stays within the ceiling, between one and all, and takes all exactly when all fit", () => {
    fc.assert(
      fc.property(anyDemands, fc.integer({ min: 1, max: 1000 }), (demands, ceiling) => {
        const sizes = subsetSizes(ceiling, demands);
        const all = demands.map(({ instances }) => instances);
        const ones = demands.map(({ instances }) => Math.min(1, instances));
        sizes.forEach((size, index) => {
          expect(size).toBeGreaterThanOrEqual(ones[index] ?? 0);
          expect(size).toBeLessThanOrEqual(all[index] ?? 0);
        });
        expect(total(sizes, demands)).toBeLessThanOrEqual(Math.max(ceiling, total(ones, demands)));
        expect(total(all, demands) <= ceiling ? sizes : all).toEqual(all);
      }),
    );
  });

  test("never gives a lower priority more than two while a higher one lacks an instance of the same price", () => {
    fc.assert(
      fc.property(anyDemands, fc.integer({ min: 1, max: 500 }), (demands, ceiling) => {
        const same = demands.map((demand) => ({ ...demand, minConnections: 5 }));
        const sizes = subsetSizes(ceiling, same);
        const lacking = same.filter(({ instances }, index) => (sizes[index] ?? 0) < instances);
        const first = Math.min(...lacking.map(({ priority }) => priority));
        const beyond = same.filter(({ priority }, index) => priority > first && (sizes[index] ?? 0) > 2);
        expect(beyond).toEqual([]);
      }),
    );
  });
});

describe("subsetOf", () => {
  const anyIds = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 40 });

  test("takes as many as it is told, whatever their order", () => {
    fc.assert(
      fc.property(anyIds, fc.integer({ min: 1, max: 45 }), fc.string(), (ids, size, client) => {
        const subset = subsetOf(ids, size, client, self);
        expect(subset).toHaveLength(Math.min(size, ids.length));
        expect(new Set(subsetOf(ids.toReversed(), size, client, self))).toEqual(new Set(subset));
      }),
    );
  });

  test("changes by one at most when an instance comes or goes", () => {
    fc.assert(
      fc.property(anyIds, fc.integer({ min: 1, max: 20 }), fc.string(), (ids, size, client) => {
        const before = subsetOf(ids, size, client, self);
        const after = new Set(subsetOf(ids.slice(1), size, client, self));
        const lost = before.filter((id) => !after.has(id));
        expect(lost).toEqual(before.includes(ids[0] as string) ? [ids[0]] : []);
      }),
    );
  });

  test("covers all instances about evenly over many clients", () => {
    const instances = named(20, "10.0.0.1:90");
    const taken = new Map(instances.map((id) => [id, 0]));
    for (const client of named(2000, "client")) {
      for (const id of subsetOf(instances, 5, client, self)) {
        taken.set(id, (taken.get(id) ?? 0) + 1);
      }
    }
    // 500 each on average; a fair draw strays by 19 (one standard deviation), so 80 is beyond four of them.
    expect(Math.min(...taken.values())).toBeGreaterThan(420);
    expect(Math.max(...taken.values())).toBeLessThan(580);
  });

  test("gives clients different subsets", () => {
    const subsets = new Set(named(100, "client").map((client) => subsetOf(named(20), 5, client, self).join()));
    expect(subsets.size).toBeGreaterThan(95);
  });
});
