/**
 * What limits an architecture and what to buy, as one HTML file that stands alone: the limit, the evidence, where the time
 * of slow requests goes, what every small change gains, and how far it is from an overload that does not end.
 */
import type { JudgedVariant } from "../insight/elasticity.ts";
import { elasticityNames } from "../insight/elasticity-plan.ts";
import { type Insight, limitSentence } from "../insight/explain.ts";
import type { StabilityMargin } from "../insight/stability-margin.ts";
import type { TailStudy } from "../insight/tail-attribution.ts";
import type { Study } from "../replications/study.ts";
import { elasticityChart, objectiveNames } from "./elasticity-chart.ts";
import { digits, formatEstimate, formatLength, formatQuantity, formatWhole, missing } from "./format.ts";
import { escapeMarkup } from "./markup.ts";
import { footer, renderDocument, scrollTable, section } from "./page-document.ts";
import { keyFigures, warningList } from "./sections.ts";
import { tailChart, tailStyle } from "./tail-chart.ts";

export interface Explanation {
  readonly insight: Insight;
  readonly study: Study;
  readonly tail?: TailStudy;
  readonly leftOut: readonly string[];
}

/** The whole document. */
export function renderExplanationPage({ insight, study, tail, leftOut }: Explanation, title: string): string {
  const { spare, limit, evidence, elasticity, stability, buy } = insight;
  const isFull = limit?.by === "saturation";
  const first = limit === undefined ? "Nothing limits: no slot was ever held." : `${limitSentence(limit)}.`;
  const answer = [
    spare === undefined ? first : sentence(spare.message),
    ...(buy === undefined ? [] : [`Buy ${elasticityNames[buy.change]} of ${nameOf(buy.component, study)}.`]),
  ];
  return renderDocument({
    title: `${title}: what limits`,
    style: tailStyle,
    body: [
      `<header><h1>${escapeMarkup(title)}</h1>`,
      `<p class="verdict ${isFull ? "overloaded" : "holds"}">${labelOf(insight)}</p>`,
      `<p class="answer">${escapeMarkup(answer.join(" "))}</p>${keyFigures(study)}</header><main>`,
      warningList([...study.warnings, ...leftOut]),
      section("What would come next", spare === undefined ? "" : list(spare.next.map(sentence))),
      section("The evidence", list(evidence.filter((text) => text !== spare?.message))),
      section("Slow requests", tail === undefined ? "" : tailChart(tail) + tailTable(tail)),
      section(
        "What to buy",
        elasticity === undefined || spare !== undefined
          ? ""
          : elasticityChart(elasticity) + changesTable(elasticity.variants, objectiveNames[elasticity.objective]),
      ),
      section("How far from an overload that does not end", stabilityList(stability)),
      section("How this was computed", method(study, insight)),
      footer,
    ],
  });
}

function labelOf({ spare, limit }: Insight): string {
  if (spare !== undefined) return "Nothing limits";
  return limit?.by === "saturation" ? "Saturated" : "Explained";
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function nameOf(id: string, { components }: Study): string {
  return components.find((one) => one.id === id)?.name ?? id;
}

function list(sentences: readonly string[]): string {
  if (sentences.length === 0) return "";
  return `<div class="card"><ul>${sentences.map((text) => `<li>${escapeMarkup(text)}</li>`).join("")}</ul></div>`;
}

function tailTable({ parts, replications }: TailStudy): string {
  const rows = parts.map(({ component, part, share, shareOfAll, tailMs }) => [
    `${escapeMarkup(component)}<small>${part}</small>`,
    formatEstimate(share, "share", replications),
    formatEstimate(shareOfAll, "share", replications),
    formatEstimate(tailMs, "ms", replications),
  ]);
  return `<div class="after">${scrollTable(
    "Shares of the time of the slowest 5 % and of all, with 95 % intervals",
    ["", "of the slowest", "of all", "time of the slowest"],
    rows,
  )}</div>`;
}

function changesTable(variants: readonly JudgedVariant[], objective: string): string {
  const rows = variants.map(({ component, change, verdict, gain, price, gainPerCost, elasticity, message }) => [
    `${escapeMarkup(component)}<small>${elasticityNames[change]}</small>`,
    verdict,
    `${percent(gain.value)}<small>${percent(gain.low)} to ${percent(gain.high)}</small>`,
    elasticity === undefined ? missing : digits(elasticity.value),
    price === undefined ? missing : digits(price),
    price === undefined ? missing : percent(gainPerCost),
    `<small>${escapeMarkup(message)}</small>`,
  ]);
  return `<div class="after">${scrollTable(
    `Every change that was run, best first; gains are of the ${objective}`,
    ["", "", "gain", "percent per percent of capacity", "price", "gain per 1", "in words"],
    rows,
  )}</div>`;
}

function percent(share: number): string {
  return `${digits(share * 100)} %`;
}

function stabilityList(stability: StabilityMargin): string {
  if (stability.kind === "not applicable") return list([`Does not apply: ${stability.reason}.`]);
  const { components, immune, assumptions } = stability;
  const sentences = [...components.map(({ message }) => message), ...immune.map(({ reason }) => `Safe: ${reason}`)];
  return `${list(sentences)}<div class="after">${list(assumptions)}</div>`;
}

function method({ replications, durationMs, warmupMs, seed }: Study, { elasticity, tail }: Insight): string {
  const facts = [
    `${formatWhole(replications)} replications of ${formatLength(durationMs)}, the first ${formatLength(warmupMs)} left out, ` +
      `seeds from ${formatWhole(seed)} on.`,
    elasticity === undefined
      ? ""
      : `Each of ${elasticity.variants.length} changes ran under the same seeds, so that differences are of the change and hardly of luck.`,
    tail === undefined
      ? ""
      : "Traced requests are divided exactly, along the path that the answer waited for; the parts add up to the latency.",
    `Intervals of shares and latencies have ${formatQuantity(0.95, "share")}.`,
  ];
  return list(facts.filter((fact) => fact !== ""));
}
