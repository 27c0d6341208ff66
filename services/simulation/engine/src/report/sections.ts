/** The parts of the page that are text: what limits, the figures of each component, warnings, and how to repeat it. */
import type { Architecture, Workload } from "../architecture.ts";
import type { ComponentStudy, Estimate, Study } from "../replications/study.ts";
import { formatInterval, formatLength, formatQuantity, formatWhole, type UnitName } from "./format.ts";
import { firstLimit, isHit, nameOfLimit } from "./headline.ts";
import { kindName } from "./kinds.ts";
import { escapeMarkup } from "./markup.ts";

const reasonNames: Readonly<Record<string, string>> = {
  saturated: "full",
  "growing-queue": "its queue grows",
  "highest-demand": "nearest to its limit",
};

export function keyFigures(study: Study): string {
  const { throughputPerSecond, goodputPerSecond, latency, errorRatio, replications } = study;
  const isLate = goodputPerSecond.value < throughputPerSecond.value;
  const figures: readonly [name: string, estimate: Estimate, unit: UnitName][] = [
    [isLate ? "answered well and in time" : "answered well", goodputPerSecond, "perSecond"],
    ...(isLate ? [["answered well", throughputPerSecond, "perSecond"] as [string, Estimate, UnitName]] : []),
    ["p50 latency", latency.p50Ms, "ms"],
    ["p95 latency", latency.p95Ms, "ms"],
    ["p99 latency", latency.p99Ms, "ms"],
    ["requests that fail", errorRatio, "share"],
  ];
  const items = figures.map(([name, estimate, unit]) => {
    const interval = formatInterval(estimate, unit, replications);
    return (
      `<div class="card"><dt>${name}</dt><dd><b>${formatQuantity(estimate.value, unit)}</b>` +
      `<span>${interval === "" ? withoutInterval(estimate, replications) : interval}</span></dd></div>`
    );
  });
  return `<dl class="figures">${items.join("")}</dl>`;
}

/** Why a figure has no interval. */
function withoutInterval({ value }: Estimate, replications: number): string {
  if (replications < 2) return "single run";
  return value === 0 ? "none in any run" : "the same in every run";
}

export function warningList(warnings: readonly string[]): string {
  if (warnings.length === 0) return "";
  const items = warnings.map((warning) => `<li>${escapeMarkup(warning)}</li>`);
  return `<section class="warnings"><h2>What these figures cannot say</h2><ul>${items.join("")}</ul></section>`;
}

export function bottleneckList({ bottlenecks, components }: Study): string {
  if (bottlenecks.length === 0) return `<p class="empty">No component limits: nothing was asked of any.</p>`;
  const first = firstLimit(bottlenecks);
  const ordered = [...bottlenecks].sort((a, b) => Number(b === first) - Number(a === first));
  const items = ordered.map((finding) => {
    const { reason, message, utilization, headroom } = finding;
    const isElsewhere = !isHit(finding) && finding !== first;
    const why = isElsewhere ? "where requests wait most" : (reasonNames[reason] ?? reason.replaceAll("-", " "));
    const facts = [`${formatQuantity(utilization, "share")} of its slots held`];
    if (Number.isFinite(headroom)) facts.push(`bears ${formatQuantity(headroom, "count")} times this load`);
    return (
      `<li class="${isHit(finding) ? "card hit" : "card"}"><h3>${escapeMarkup(nameOfLimit(finding, components))} ` +
      `<small>${escapeMarkup(why)}</small></h3>` +
      `<p>${escapeMarkup(message.endsWith(".") ? message : `${message}.`)}</p><p class="facts">${facts.join(" · ")}</p></li>`
    );
  });
  return `<ol class="limits">${items.join("")}</ol>`;
}

type Column = readonly [name: string, estimateOf: (component: ComponentStudy) => Estimate, unit: UnitName];

const columns: readonly Column[] = [
  ["requests/s", (component) => component.throughputPerSecond, "perSecond"],
  ["utilization", (component) => component.utilization, "share"],
  ["queue length", (component) => component.queueLengthMean, "count"],
  ["must wait", (component) => component.waitProbability, "share"],
  ["mean wait", (component) => component.waitMeanMs, "ms"],
  ["p99 wait", (component) => component.waitP99Ms, "ms"],
  ["p50", (component) => component.latency.p50Ms, "ms"],
  ["p99", (component) => component.latency.p99Ms, "ms"],
  ["fail", (component) => component.errorRatio, "share"],
];

/** Only where some component has one: most systems refuse nothing and have no limits, breakers or pools. */
const rareColumns: readonly Column[] = [
  ["shed", (component) => component.shedPerSecond, "perSecond"],
  ["limited", (component) => component.limitedPerSecond, "perSecond"],
  ["calls refused", (component) => component.refusedPerSecond, "perSecond"],
  ["calls waiting to leave", (component) => component.backlogMean, "count"],
];

/** A client has no slots, so nothing to hold and nothing to wait for. */
const slotColumns = new Set(["utilization", "queue length", "must wait", "mean wait", "p99 wait"]);

export function componentTable({ components, replications }: Study, limiting: ReadonlySet<string>): string {
  const rare = rareColumns.filter(([, estimateOf]) => components.some((component) => estimateOf(component).value > 0));
  const shown = [...columns, ...rare];
  const head = shown.map(([name]) => `<th scope="col">${name}</th>`).join("");
  const rows = components.map((component) => {
    const cells = shown.map(([name, estimateOf, unit]) => {
      const isIdle = component.kind === "client" && slotColumns.has(name);
      return isIdle ? `<td class="none">–</td>` : cell(estimateOf(component), unit, replications);
    });
    const count = component.kind === "client" ? "" : `${formatWhole(component.instances)} × `;
    return (
      `<tr${limiting.has(component.id) ? ` class="limit"` : ""}><th scope="row">${escapeMarkup(component.name)}` +
      `<small>${count}${escapeMarkup(kindName(component.kind))}</small></th>${cells.join("")}</tr>`
    );
  });
  const note = replications > 1 ? "below each figure its 95 % interval" : "single run, so without intervals";
  return (
    `<div class="scroll" role="region" aria-label="Figures of each component" tabindex="0"><table>` +
    `<caption><span>Each component: load, use, queue and latency; ${note}. Latency is from arrival to answer.</span></caption>` +
    `<thead><tr><th scope="col">component</th>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`
  );
}

export function latencyTable({ latency, replications }: Study): string {
  const rows: readonly [name: string, estimate: Estimate][] = [
    ["mean", latency.meanMs],
    ["p50", latency.p50Ms],
    ["p90", latency.p90Ms],
    ["p95", latency.p95Ms],
    ["p99", latency.p99Ms],
    ["p99.9", latency.p999Ms],
  ];
  const body = rows.map(([name, estimate]) => {
    const interval = formatInterval(estimate, "ms", replications);
    const shown = `<td>${formatQuantity(estimate.value, "ms")}</td><td>${interval === "" ? withoutInterval(estimate, replications) : interval}</td>`;
    return `<tr><th scope="row">${name}</th>${shown}</tr>`;
  });
  return (
    `<div class="card"><table class="narrow"><caption><span>Latency of the requests that were answered well</span></caption>` +
    `<thead><tr><th scope="col"></th><th scope="col">time</th><th scope="col">95 % interval</th></tr></thead>` +
    `<tbody>${body.join("")}</tbody></table></div>`
  );
}

function cell(estimate: Estimate, unit: UnitName, replications: number): string {
  if (estimate.value === 0 && estimate.high === 0) return `<td class="none">0</td>`;
  const interval = formatInterval(estimate, unit, replications);
  return `<td>${formatQuantity(estimate.value, unit)}${interval === "" ? "" : `<small>${interval}</small>`}</td>`;
}

export function methodSection(study: Study, architecture: Architecture): string {
  const { replications, seed, durationMs, warmupMs, warmupFrom, events } = study;
  const several = replications > 1;
  const facts: readonly [name: string, text: string][] = [
    [
      "Replications",
      several ? formatWhole(replications) : "1, a single run: how far another seed would differ is not known",
    ],
    ["Seed", several ? `${formatWhole(seed)} for the first replication; the others follow it` : formatWhole(seed)],
    ["Simulated time", `${formatLength(durationMs)}${several ? " in each replication" : ""}`],
    ["Warm-up", warmupText(warmupMs, warmupFrom)],
    ["Events", formatWhole(events)],
    [
      "Intervals",
      several ? "95 %: Student's t over the replications for means, order statistics for quantiles" : "none",
    ],
    [
      "Method",
      "discrete events in exact time; random streams follow from the seed alone, so the same model, seed and time give the same figures",
    ],
    ...architecture.workloads.map((workload): [string, string] => ["Load", workloadText(workload, architecture)]),
  ];
  const list = facts.map(([name, text]) => `<div><dt>${name}</dt><dd>${escapeMarkup(text)}</dd></div>`);
  return (
    `<dl class="method">${list.join("")}</dl>` +
    `<details><summary>The architecture that was simulated, as JSON</summary>` +
    `<pre>${escapeMarkup(architectureText(architecture))}</pre></details>`
  );
}

function warmupText(warmupMs: number, from: Study["warmupFrom"]): string {
  const origin = from === "detected" ? "found by MSER-5 on the series" : "as given";
  return warmupMs > 0
    ? `the first ${formatLength(warmupMs)} are left out of every figure, ${origin}`
    : `none, ${origin}`;
}

function workloadText(workload: Workload, { components }: Architecture): string {
  const { component, kind, ratePerSecond, users, thinkTimeMs, arrivalsMs } = workload;
  const into = `into ${components.find(({ id }) => id === component)?.name ?? component}`;
  if (kind === "closed") {
    return `closed: ${formatWhole(users)} users who think for ${formatLength(thinkTimeMs)}, ${into}`;
  }
  if (kind === "replay") return `replay of ${formatWhole(arrivalsMs?.length ?? 0)} arrivals, ${into}`;
  return `${kind}: ${formatQuantity(ratePerSecond, "perSecond")}, ${into}`;
}

const mostArrivals = 1000;

/** A long replay is named and not repeated: the page is for people. */
function architectureText(architecture: Architecture): string {
  const replace = (key: string, value: unknown) =>
    key === "arrivalsMs" && Array.isArray(value) && value.length > mostArrivals
      ? `${value.length} arrivals, left out here`
      : value;
  return JSON.stringify(architecture, replace, 1);
}
