import type { Boundary, ChaosReport, ReportDifference } from "@weft/simulator";
import colors from "../command-line/colors.ts";
import { formatTableToFit } from "../command-line/table.ts";
import { formatChance } from "./format-comparison.ts";
import { formatChange, formatFigure, formatInterval, seconds, sections, type Unit } from "./format-figures.ts";

const words = {
  not_disturbed: colors.green("not disturbed"),
  recovered: colors.green("recovered"),
  degraded: colors.yellow("degraded"),
  metastable: colors.red("metastable"),
} as const;

/** A game day's result as tables for people: the answer, verdicts, hypotheses, and what the faults changed. */
export function formatChaos(report: ChaosReport, title: string): string {
  const { replications, seed, load, durationMs, warmupMs } = report;
  const heading =
    `${colors.bold(title)}: ${report.sentence} ${replications === 1 ? "A single run" : `${replications} runs`} of ` +
    `${seconds(durationMs)} from seed ${seed} at load ${load}, the first ${seconds(warmupMs)} left out.`;
  return sections(heading, faultTable(report), verdictTable(report), hypothesisTable(report), figureTable(report));
}

function faultTable({ spans }: ChaosReport): string {
  return formatTableToFit(
    ["FAULT", "KIND", "FROM", "TO"],
    spans.map(({ name, kind, fromMs, toMs }) => [name, kind, seconds(fromMs), seconds(toMs)]),
  );
}

function verdictTable({
  verdicts,
  aborted,
  abortedBy,
  undisturbedCollapse,
  timeToRecoverMs,
  replications,
}: ChaosReport): string {
  const time = timeToRecoverMs;
  const rows = verdicts.map(({ verdict, runs, probability }) => [
    words[verdict],
    String(runs),
    formatChance(probability),
    verdict === "recovered" && time !== undefined
      ? `after ${seconds(time.value)} in the median (${seconds(time.low)} to ${seconds(time.high)})`
      : "",
  ]);
  const count = ({ value }: { value: number }) => String(Math.round(value * replications));
  return formatTableToFit(
    ["VERDICT", "RUNS", "PROBABILITY", ""],
    [
      ...rows,
      [
        "faults aborted",
        count(aborted),
        formatChance(aborted),
        abortedBy.length === 0 ? "" : `by ${abortedBy.join(", ")}`,
      ],
      ["collapses without faults", count(undisturbedCollapse), formatChance(undisturbedCollapse), ""],
    ],
  );
}

const hypothesisWords = {
  holds: colors.green("holds"),
  fails: colors.red("does not hold"),
  unclear: "not decided",
} as const;

function hypothesisTable({ hypotheses, replications }: ChaosReport): string {
  if (hypotheses.length === 0) return "";
  return formatTableToFit(
    ["HYPOTHESIS", "", "MEAN", "95 % INTERVAL", "A RUN MISSES IT", "WITHOUT FAULTS"],
    hypotheses.map(({ objective, verdict, figure, missed, missedUndisturbed }) => {
      const unit = objective.startsWith("errors") ? "share" : "ms";
      return [
        objective,
        hypothesisWords[verdict],
        figure === undefined ? "-" : formatFigure(figure.value, unit),
        figure === undefined ? "-" : formatInterval(figure, unit, replications),
        formatChance(missed),
        formatChance(missedUndisturbed),
      ];
    }),
  );
}

function figureTable({ figures, worst, goodputLost, replications }: ChaosReport): string {
  const none = ["", "", "", ""];
  const single = (label: string, value: { value: number; low: number; high: number }, unit: Unit) => [
    label,
    ...none.slice(0, 1),
    formatFigure(value.value, unit),
    "",
    formatInterval(value, unit, replications),
  ];
  return formatTableToFit(
    ["FIGURE", "WITHOUT", "WITH FAULTS", "CHANGE", "95 % INTERVAL"],
    [
      ...figures.map(({ label, unit, before, after, difference, pairs }) =>
        pairs === 0
          ? [label, "-", "-", "-", "-"]
          : [
              label,
              formatFigure(before.value, unit),
              formatFigure(after.value, unit),
              formatChange(difference.value, unit),
              pairs < 2
                ? "single pair"
                : `${formatChange(difference.low, unit)} to ${formatChange(difference.high, unit)}`,
            ],
      ),
      single("worst error ratio", worst.errorRatio, "share"),
      single("worst p99", worst.p99Ms, "ms"),
      single("good answers lost", goodputLost, "count"),
    ],
  );
}

/** Where the system falls, and every load that was tried. */
export function formatBoundary({ points }: Boundary, sentence: string, title: string): string {
  const sides = { below: colors.green("below"), above: colors.red("above"), undecided: "at it" } as const;
  const table = formatTableToFit(
    ["LOAD", "RUNS", "STAYS DOWN", ""],
    points.map(({ load, replications, probability, side }) => [
      String(load),
      String(replications),
      formatChance(probability),
      sides[side],
    ]),
  );
  return sections(`${colors.bold(title)}: ${sentence}`, table);
}

const changeWords = {
  better: colors.green("better"),
  worse: colors.red("worse"),
  unclear: "no difference to see",
  same: "the same",
} as const;

/** Two results beside each other: what was set differently, and what came of it. */
export function formatReportDifference({ before, after, settings, figures }: ReportDifference): string {
  const cell = (value: ReportDifference["figures"][number]["before"], unit: Unit) =>
    value === undefined
      ? "-"
      : unit === "share"
        ? formatChance(value)
        : `${formatFigure(value.value, unit)} (${formatFigure(value.low, unit)} to ${formatFigure(value.high, unit)})`;
  return sections(
    `${colors.bold(`${before} → ${after}`)}${settings.length === 0 ? ": the same game day" : ""}`,
    settings.length === 0
      ? ""
      : formatTableToFit(
          ["SETTING", "BEFORE", "AFTER"],
          settings.map((setting) => [setting.field, setting.before || "-", setting.after || "-"]),
        ),
    formatTableToFit(
      ["FIGURE", "BEFORE", "AFTER", ""],
      figures.map(({ label, unit, before: first, after: second, change }) => [
        label,
        cell(first, unit),
        cell(second, unit),
        changeWords[change],
      ]),
    ),
  );
}
