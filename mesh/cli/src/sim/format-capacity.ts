import type { CapacityAnswer } from "@weft/simulator";
import colors from "../command-line/colors.ts";
import { formatTableToFit } from "../command-line/table.ts";
import { formatChance } from "./format-comparison.ts";
import { formatFigure, formatInterval, sections } from "./format-figures.ts";

/** The answer in a sentence, then every load that was tried. */
export function formatCapacity({ points }: CapacityAnswer, sentence: string, title: string): string {
  const objectives = points[0]?.objectives.map(({ objective }) => objective) ?? [];
  const table = formatTableToFit(
    [
      ...["LOAD", "RUNS", "THROUGHPUT", "IN TIME"],
      ...objectives.flatMap((objective) => [objective, "95 % INTERVAL", "MISSED BY A RUN"]),
      ...["COLLAPSE", ""],
    ],
    points.map(({ load, replications, objectives: measured, collapse, verdict, hasOverflowed, ...rates }) => [
      String(load),
      String(replications),
      ...[rates.throughputPerSecond, rates.goodputPerSecond].map(({ value }) =>
        replications === 0 ? "-" : formatFigure(value, "perSecond"),
      ),
      ...measured.flatMap(({ objective, figure, missed }) => {
        const unit = objective.startsWith("errors") ? "share" : "ms";
        return figure === undefined
          ? ["-", "-", formatChance(missed)]
          : [formatFigure(figure.value, unit), formatInterval(figure, unit, replications), formatChance(missed)];
      }),
      formatChance(collapse),
      hasOverflowed ? colors.red("overflows") : verdictText[verdict],
    ]),
  );
  return sections(`${colors.bold(title)}: ${sentence}`, table);
}

const verdictText = {
  meets: colors.green("meets"),
  misses: colors.red("misses"),
  undecided: "not decided",
} as const;
