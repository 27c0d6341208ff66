import { elasticityNames, type Insight, type JudgedVariant, limitSentence, type TailStudy } from "@weft/simulator";
import type { ExplanationAnswer } from "@weft/simulator/studies";
import colors from "../command-line/colors.ts";
import { formatTableToFit } from "../command-line/table.ts";
import { formatChange, formatFigure, formatInterval, listed, ms, number, percent, sections } from "./format-figures.ts";
import { headline } from "./format-study.ts";

/** What is shorter than this of the slowest requests' time is left out of the table. */
const leastShare = 0.005;

const mostWithoutDifference = 5;

/** What limits and why, what to buy, where slow requests spend their time, and how far a lasting overload is. */
export function formatExplanation(
  { insight, study, tail, leftOut }: ExplanationAnswer,
  title: string,
  load: number,
): string {
  return sections(
    headline(study, title, load),
    insight.spare === undefined ? limitText(insight) : spareText(insight.spare),
    listed(
      "Evidence",
      insight.evidence.filter((sentence) => sentence !== insight.spare?.message),
    ),
    insight.spare === undefined ? changesTable(insight) : "",
    tail === undefined ? "" : tailTable(tail),
    stabilityText(insight.stability),
    listed("Left out", leftOut),
    listed("Warnings", study.warnings),
  );
}

/** Who has room first hears that, and no list of what to buy. */
function spareText({ message, next }: NonNullable<Insight["spare"]>): string {
  return sections(colors.bold(sentence(message)), listed("What would come next", next)).trimEnd();
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function limitText({ limit }: Insight): string {
  if (limit === undefined) return colors.bold("Nothing limits: no slot was ever held.");
  const { utilization, headroom } = limit;
  const room = headroom === undefined ? "" : `, bears ${number(headroom)} times this load`;
  return `${colors.bold(limitSentence(limit))} (${percent(utilization)} used${room})`;
}

function changesTable({ elasticity }: Insight): string {
  if (elasticity === undefined) return "";
  const { variants, objective, confidence } = elasticity;
  const units = { meanMs: "ms", p99Ms: "ms", errorRatio: "share", throughputPerSecond: "perSecond" } as const;
  const label = { meanMs: "mean latency", p99Ms: "p99", errorRatio: "errors", throughputPerSecond: "throughput" };
  // Those that help or harm, or where none does, the nearest to it.
  const felt = variants.filter(({ verdict }) => verdict !== "no difference");
  const shown = felt.length > 0 ? felt : variants.slice(0, mostWithoutDifference);
  const rest = variants.filter((variant) => !shown.includes(variant));
  const hasPrices = variants.some(({ price }) => price !== undefined);
  const table = formatTableToFit(
    [
      "CHANGE",
      "",
      "GAIN",
      "INTERVAL",
      ...(hasPrices ? ["PRICE", "GAIN PER 1"] : []),
      label[objective].toUpperCase(),
      "PER %",
    ],
    shown.map((variant) => [
      nameOf(variant),
      verdictText[variant.verdict],
      formatChange(variant.gain.value, "share").replace("points", "%"),
      `${signed(variant.gain.low)} to ${signed(variant.gain.high)} %`,
      ...(hasPrices ? priceCells(variant) : []),
      differenceText(variant, objective, units[objective]),
      variant.elasticity === undefined ? "-" : `${signed(variant.elasticity.value / 100)} %`,
    ]),
  );
  const heading =
    `${colors.bold("What to buy")}, best first: gains of the ${label[objective]}, with intervals that hold for all changes ` +
    `together with 95 % (each ${percent(confidence, 4)}), and its change per 1 % of capacity`;
  if (rest.length === 0) return `${heading}\n${table}`;
  return `${heading}\n${table}\n${colors.dim(`no difference: ${rest.map(nameOf).join("; ")}`)}`;
}

function nameOf({ component, change }: JudgedVariant): string {
  return `${component}: ${elasticityNames[change]}`;
}

function priceCells({ price, gainPerCost }: JudgedVariant): string[] {
  return price === undefined ? ["-", "-"] : [number(price), `${signed(gainPerCost)} %`];
}

function differenceText(
  variant: JudgedVariant,
  objective: keyof Pick<JudgedVariant, "meanMs" | "p99Ms" | "errorRatio" | "throughputPerSecond">,
  unit: "ms" | "share" | "perSecond",
): string {
  const change = variant[objective];
  if (change === undefined) return "-";
  return `${formatFigure(change.before, unit)} to ${formatFigure(change.after, unit)}`;
}

const verdictText = {
  better: colors.green("better"),
  worse: colors.red("worse"),
  "no difference": "no difference",
} as const;

function tailTable({ parts, replications, tailFromMs, requests }: TailStudy): string {
  const shown = parts.filter(({ share, shareOfAll }) => Math.max(share.value, shareOfAll.value) >= leastShare);
  const table = formatTableToFit(
    ["COMPONENT", "PART", "OF THE SLOWEST 5 %", "95 % INTERVAL", "TIME", "OF ALL"],
    shown.map(({ component, part, share, shareOfAll, tailMs }) => [
      component,
      part,
      percent(share.value),
      formatInterval(share, "share", replications),
      ms(tailMs.value),
      percent(shareOfAll.value),
    ]),
  );
  const heading =
    `${colors.bold("Where slow requests spend their time")}: the slowest 5 % of ${Math.round(requests).toLocaleString("en-US")} ` +
    `traced ones, which take from ${ms(tailFromMs.value)} on`;
  return `${heading}\n${table}`;
}

function stabilityText(stability: Insight["stability"]): string {
  const heading = "How far from an overload that does not end";
  if (stability.kind === "not applicable") return listed(heading, [`does not apply: ${stability.reason}`]);
  const { components, immune, assumptions } = stability;
  return sections(
    listed(heading, [...components.map(({ message }) => message), ...immune.map(({ reason }) => `safe: ${reason}`)]),
    listed("What that takes for granted", assumptions),
  ).trimEnd();
}

/** Percent with its sign. */
function signed(share: number): string {
  const size = number(Math.abs(share) * 100);
  return `${size === "0" ? "" : share < 0 ? "-" : "+"}${size}`;
}
