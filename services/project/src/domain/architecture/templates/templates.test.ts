import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { analyseArchitecture } from "../architecture-summary.ts";
import { completeArchitecture } from "../complete-architecture.ts";
import { importWeft } from "../import-weft.ts";
import { systemTemplates } from "./index.ts";

describe.each(systemTemplates.map((template) => [template.id, template] as const))("template %s", (_id, template) => {
  const summary = analyseArchitecture(template.architecture);

  it("is a valid architecture that says what it is", () => {
    expect(completeArchitecture(template.architecture).problems).toEqual([]);
    expect(template.id).toMatch(/^[a-z0-9-]{3,64}$/);
    expect(template.description.length).toBeGreaterThan(80);
    expect(template.tags.length).toBeGreaterThan(0);
    expect(summary.componentCount).toBeGreaterThanOrEqual(5);
  });

  it("is busy but stable under its own load", () => {
    const highest = Math.max(...summary.loads.map(({ utilization }) => utilization));
    expect(highest).toBeGreaterThan(0.3);
    expect(highest).toBeLessThan(0.8);
  });

  it("sends load to every component", () => {
    expect(summary.loads.filter(({ ratePerSecond }) => ratePerSecond === 0)).toEqual([]);
  });
});

describe("systemTemplates", () => {
  it("have ids of their own", () => {
    expect(new Set(systemTemplates.map(({ id }) => id)).size).toBe(systemTemplates.length);
    expect(systemTemplates.length).toBeGreaterThanOrEqual(8);
  });
});

describe("the coffee shop of the examples", () => {
  const content = readFileSync(new URL("../../../../../../examples/coffee-shop.weft.yaml", import.meta.url), "utf8");
  const { architecture, findings } = importWeft(content);
  const { loads, bottleneck, headroom } = analyseArchitecture(architecture);

  it("imports without a finding", () => {
    expect(findings).toEqual([]);
  });

  it("is calm at its own load and fills loyalty, and nothing else, between 2.5 and 3 times that", () => {
    expect(bottleneck).toBe("loyalty");
    expect(headroom).toBeGreaterThan(2.5);
    expect(headroom).toBeLessThan(3);
    for (const { id, utilization } of loads) {
      if (id !== "loyalty") expect(utilization * 3, id).toBeLessThan(0.8);
    }
  });
});
