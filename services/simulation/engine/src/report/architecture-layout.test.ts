import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { component, link } from "../scenario.ts";
import { boxHeight, boxWidth, layOut } from "./architecture-layout.ts";
import { shop } from "./sample-study.ts";

/** Links lead from lower to higher numbers, as in every architecture that can be simulated. */
const acyclic = fc.integer({ min: 2, max: 60 }).chain((count) => {
  const pair = fc.tuple(fc.nat(count - 1), fc.nat(count - 1)).filter(([a, b]) => a !== b);
  return fc.array(pair, { maxLength: 2 * count }).map((pairs) => ({
    components: Array.from({ length: count }, (_, index) => component(`n${index}`, "service")),
    links: pairs.map(([a, b]) => link(`n${Math.min(a, b)}`, `n${Math.max(a, b)}`)),
  }));
});

describe("layOut", () => {
  it("lets no two components overlap or leave the picture", () => {
    fc.assert(
      fc.property(acyclic, (architecture) => {
        const { boxes, widthPx, heightPx } = layOut(architecture);
        expect(boxes).toHaveLength(architecture.components.length);
        for (const [index, box] of boxes.entries()) {
          expect(box.xPx >= 0 && box.xPx + boxWidth <= widthPx).toBe(true);
          expect(box.yPx >= 0 && box.yPx + boxHeight <= heightPx).toBe(true);
          for (const other of boxes.slice(index + 1)) {
            const isApart =
              Math.abs(box.xPx - other.xPx) >= boxWidth || Math.abs(box.yPx - other.yPx) >= boxHeight + 20;
            expect(isApart).toBe(true);
          }
        }
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  it("leads every link to the right and through no component", () => {
    fc.assert(
      fc.property(acyclic, (architecture) => {
        const { boxes, links } = layOut(architecture);
        expect(links).toHaveLength(architecture.links.length);
        for (const { points } of links) {
          for (const [index, [x, y]] of points.slice(1).entries()) {
            expect(x).toBeGreaterThan(points[index]?.[0] as number);
            const isInside = (box: { xPx: number; yPx: number }) =>
              x > box.xPx && x <= box.xPx + boxWidth && y > box.yPx && y < box.yPx + boxHeight;
            expect(boxes.some(isInside)).toBe(false);
          }
        }
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  it("puts what is called right of every caller, and callers that nobody calls on the left", () => {
    const xOf = new Map(layOut(shop).boxes.map(({ id, xPx }) => [id, xPx]));
    for (const { from, to } of shop.links) expect(xOf.get(to)).toBeGreaterThan(xOf.get(from) as number);
    expect(xOf.get("jobs")).toBe(xOf.get("web"));
  });

  it("is the same every time", () => {
    expect(layOut(shop)).toEqual(layOut(structuredClone(shop)));
  });

  it("places components on a cycle and leaves out links that cannot lead to the right", () => {
    const components = ["a", "b"].map((id) => component(id, "service"));
    const { boxes, links } = layOut({ components, links: [link("a", "b"), link("b", "a"), link("a", "gone")] });
    expect(boxes).toHaveLength(2);
    expect(links).toEqual([]);
  });
});
