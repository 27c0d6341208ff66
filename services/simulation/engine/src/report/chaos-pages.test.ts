import { describe, expect, it } from "vitest";
import { type ChaosPlan, runChaosExperiment } from "../chaos/experiment.ts";
import { BoundarySearch } from "../chaos/locate-boundary.ts";
import { stormSystem } from "../chaos/sample-system.ts";
import { parseObjective } from "../what-if/objective.ts";
import { renderBoundaryPage } from "./boundary-page.ts";
import { renderChaosPage } from "./chaos-page.ts";

const hostile = "</script><b onload='x'>&";
const plan: ChaosPlan = {
  seed: 1,
  replications: 3,
  load: 1,
  durationMs: 60_000,
  warmupMs: 2000,
  hypotheses: [parseObjective("p99<1s"), parseObjective("errors<1%")],
  faults: [
    { kind: "retry_storm", name: hostile, on: ["link:client-api"], startMs: 10_000, durationMs: 10_000 },
    { kind: "stampede", on: ["client-load"], requests: 10, startMs: 15_000, durationMs: 0 },
  ],
};
const page = (ratePerSecond: number, over: Partial<ChaosPlan> = {}) =>
  renderChaosPage(runChaosExperiment(stormSystem(ratePerSecond), { ...plan, ...over }), {
    title: hostile,
    description: hostile,
  });

function boundaryPage(fallsFrom: number): string {
  const search = new BoundarySearch({ lowestLoad: 0.5, highestLoad: 4 });
  for (let step = search.ask(); ; step = search.ask()) {
    if (step.kind === "done") return renderBoundaryPage(step.answer, { title: hostile, sentence: hostile });
    const { load, more } = step;
    search.tell(Array.from({ length: more }, () => (load >= fallsFrom ? "stays-down" : "comes-back")));
  }
}

const storm = page(40);
const pages: readonly [string, string][] = [
  ["runs that recover", page(10)],
  ["runs that stay down", storm],
  ["a single run without hypotheses", page(10, { replications: 1, hypotheses: [] })],
  ["a boundary", boundaryPage(2)],
  ["a boundary that was not found", boundaryPage(9)],
];

describe.each(pages)("the page of %s", (_, text) => {
  it("is one document without a script or an address of others", () => {
    expect(text).toMatch(/^<!doctype html>.*<\/html>\s*$/s);
    expect(text).not.toContain(hostile);
    expect(text.match(/<script>/g)).toHaveLength(1);
    expect(text).not.toMatch(/\b(src|href)=|https?:/);
  });

  it("shows no number that is none", () => {
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe("the page of a game day", () => {
  it("shades each fault in every chart over time", () => {
    expect(storm.match(/<svg /g)).toHaveLength(4);
    expect(storm.match(/<rect class="fault"/g)).toHaveLength(8);
    expect(storm).toContain(">stampede</text>");
  });

  it("says the verdict, its probability and the hypotheses", () => {
    expect(storm).toContain(`<p class="verdict overloaded">Metastable</p>`);
    expect(storm).toMatch(/Metastable<\/th><td>3<\/td><td>100 % \(\d+(\.\d+)?–100\)/);
    expect(storm).toContain("does not hold");
  });
});
