import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findCycle, keepAcyclic } from "./find-cycle.ts";

const edge = fc.record({ from: fc.constantFrom(..."abcdef"), to: fc.constantFrom(..."abcdef") });

describe("findCycle", () => {
  it("finds none where calls only go forward, however long the chain", () => {
    const chain = Array.from({ length: 20_000 }, (_, index) => ({ from: `n${index}`, to: `n${index + 1}` }));
    expect(findCycle(chain)).toBeUndefined();
    expect(findCycle([...chain, { from: "n20000", to: "n0" }])).toHaveLength(20_001);
  });

  it("answers only with cycles whose every step is an edge", () => {
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 15 }), (edges) => {
        const cycle = findCycle(edges);
        for (const [index, from] of (cycle ?? []).entries()) {
          const to = cycle?.[(index + 1) % cycle.length];
          expect(edges).toContainEqual({ from, to });
        }
      }),
    );
  });
});

describe("keepAcyclic", () => {
  it("keeps edges in their order and drops the one that closes a cycle, with the path it closes", () => {
    const edges = [
      { from: "a", to: "b" },
      { from: "b", to: "c" },
      { from: "c", to: "a" },
    ];
    expect(keepAcyclic(edges)).toEqual({
      kept: edges.slice(0, 2),
      dropped: [{ edge: edges[2], path: ["a", "b", "c"] }],
    });
  });

  it("leaves no cycle and drops nothing that could stay", () => {
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 15 }), (edges) => {
        const { kept, dropped } = keepAcyclic(edges);
        expect(findCycle(kept)).toBeUndefined();
        expect(kept.length + dropped.length).toBe(edges.length);
        for (const { edge: lost } of dropped) expect(findCycle([...kept, lost])).toBeDefined();
      }),
    );
  });
});
