import { describe, expect, it } from "vitest";
import { analyze } from "../analytic/network.ts";
import { planElasticity } from "../insight/elasticity-plan.ts";
import { explain } from "../insight/explain.ts";
import { mergeTails } from "../insight/tail-attribution.ts";
import { compileModel } from "../model.ts";
import { makeStudy } from "../replications/make-study.ts";
import { runReplication } from "../replications/run-replication.ts";
import { exponential, singleStation } from "../scenario.ts";
import { CapacitySearch } from "../what-if/capacity-search.ts";
import { compareVersions } from "../what-if/compare.ts";
import { parseObjective } from "../what-if/objective.ts";
import { makeSweep } from "../what-if/sweep.ts";
import { renderCapacityPage } from "./capacity-page.ts";
import { renderComparisonPage } from "./comparison-page.ts";
import { renderExplanationPage } from "./explanation-page.ts";
import { renderStudyPage } from "./study-page.ts";
import { renderSweepPage } from "./sweep-page.ts";

const given = { durationMs: 5000, warmupMs: 500, warmupFrom: "given" } as const;
const hostile = "</script><b onload='x'>&";
const objectives = [parseObjective("p99<50ms"), parseObjective("errors<1%")];

function version(name: string, meanMs: number, count: number, errorRatio = 0) {
  const architecture = singleStation(60, { serviceTime: exponential(meanMs), name: hostile, errorRatio });
  const outcomes = Array.from({ length: count }, (_, index) =>
    runReplication(architecture, { seed: 1 + index, ...given, load: 1, slices: 20 }),
  );
  return { name, value: name, architecture, outcomes, study: makeStudy(outcomes, given) };
}

function comparisonPage(before: ReturnType<typeof version>, after: ReturnType<typeof version>): string {
  const comparison = compareVersions(before, after, { objectives, prices: { station: 2 } });
  return renderComparisonPage(comparison, { before: before.study, after: after.study });
}

function capacityPage(): string {
  const search = new CapacitySearch({ objectives, maximumReplications: 10, relativePrecision: 0.5 });
  const { architecture } = version("a", 10, 1);
  for (let step = search.ask(); ; step = search.ask()) {
    if (step.kind === "done") return renderCapacityPage(step.answer, { title: hostile, sentence: hostile, objectives });
    const { load, more } = step;
    search.tell(
      Array.from({ length: more }, (_, index) =>
        runReplication(architecture, { seed: index, ...given, load, slices: 10 }),
      ),
    );
  }
}

function explanationPage(): string {
  const architecture = singleStation(80, { serviceTime: exponential(10), name: hostile });
  const traced = { ...given, load: 1, slices: 20, tracedRequests: 200, samplesQueues: true };
  const run = (of: typeof architecture) =>
    [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => runReplication(of, { ...traced, seed }));
  const base = run(architecture);
  const tail = mergeTails(base.flatMap(({ tail: one }) => (one === undefined ? [] : [one])));
  const variants = planElasticity(architecture, { prices: { station: { instance: 3 } } });
  const insight = explain({
    architecture,
    base,
    queues: base.flatMap(({ queues }) => (queues === undefined ? [] : [queues])),
    variants: variants.map(({ architecture: changed, ...variant }) => ({ variant, outcomes: run(changed) })),
  });
  const study = makeStudy(base, given);
  return renderExplanationPage({ insight, study, ...(tail && { tail }), leftOut: [hostile] }, hostile);
}

const slow = version(hostile, 12, 5);
const fast = version("fast", 6, 5);
const broken = version("broken", 6, 5, 1);
const pages: readonly [string, string][] = [
  ["a comparison", comparisonPage(slow, fast)],
  ["a comparison of single runs", comparisonPage(version("a", 12, 1), version("b", 6, 1))],
  ["a comparison with a version that answers nothing", comparisonPage(slow, broken)],
  [
    "a sweep",
    renderSweepPage(makeSweep(hostile, [slow, fast, broken], { objectives, prices: { station: 2 } }), hostile),
  ],
  ["a capacity search", capacityPage()],
  ["an explanation", explanationPage()],
];

describe("pages of what-if questions", () => {
  it.each(pages)("are well formed, keep hostile names as text and have no numbers that are none: %s", (_, page) => {
    const bare = page.replace(/(<(script|style)>)[\s\S]*?(<\/\2>)/g, "$1$3");
    const open: string[] = [];
    for (const [, slash, name = "", , closed] of bare.matchAll(
      /<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[\w:-]+="[^"<>]*"|\s+[a-z]+)*)\s*(\/?)>/g,
    )) {
      if (name === "meta" || closed === "/") continue;
      if (slash === "") open.push(name);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
    expect(page.match(/<(script|b onload)/g)).toEqual(["<script"]);
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
    expect(page).not.toMatch(/https?:|\bsrc=|\bhref=/);
    const ids = [...bare.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const picture of page.match(/<svg[^>]*>/g) ?? [])
      expect(picture).toMatch(/role="img".* aria-label="[^"]{20,}"/);
  });

  it("say in an explanation what limits and what to buy, with both charts", () => {
    const page = explanationPage();
    expect(page).toMatch(
      /<p class="answer">[^<]* limits: its capacity changes the answer most\. Buy 1 more instance of /,
    );
    expect(page).toMatch(
      /aria-label="Where the time goes\. slowest 5 %, [\d.]+ ms \([\d.–]+\) on average: station: queue \d/,
    );
    const whole = [...page.matchAll(/<rect class="part-\d" x="[\d.]+" y="0" width="([\d.]+)"/g)];
    expect(whole.reduce((sum, [, width]) => sum + Number(width), 0)).toBeCloseTo(520, 0);
    expect(page.match(/<circle class="dot [abc]"/g)).toHaveLength(3);
  });

  it("says in a comparison what is better, with its interval", () => {
    const [, page = ""] = pages[0] ?? [];
    expect(page).toContain(`<p class="verdict holds">Better</p>`);
    expect(page).toMatch(/<p class="answer">P99 latency falls by [\d.]+ ms \([\d.]+ to [\d.]+\), from /);
    expect(page).toContain("total per hour");
  });
});

describe("the page of a study", () => {
  it("has theory beside the simulation, when it is given", () => {
    const theory = analyze(compileModel(slow.architecture));
    const page = renderStudyPage(slow.study, { title: "t", architecture: slow.architecture, theory });
    expect(page).toContain("Theory beside the simulation");
    // M/M/1 at 60/s of 12 ms: utilization 0.72, mean response 42.9 ms.
    expect(page).toMatch(/utilization<small>[^<]*<\/small><\/th><td>[^<]*<\/td><td>72 %<\/td>/);
    expect(page).toMatch(/mean latency<\/th><td>[^<]*<\/td><td>42.9 ms<\/td>/);
    expect(renderStudyPage(slow.study, { title: "t", architecture: slow.architecture })).not.toContain("Theory");
  });
});
