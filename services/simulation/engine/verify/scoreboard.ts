/** The verification as a person reads it. */
import type { FigureRow, PropertyRow, Verification } from "./verification.ts";

const figureHeader = ["case", "figure", "exact", "measured ± SE", "", "z", "precision", "asked", "verdict"];
const propertyHeader = ["property", "check", "seen", "verdict"];

export function renderScoreboard({ figures, properties }: Verification): string {
  const tables = [
    ...(figures.length === 0 ? [] : [table([figureHeader, ...figures.map(figureCells)], [2, 3, 5, 6, 7])]),
    ...(properties.length === 0 ? [] : [table([propertyHeader, ...properties.map(propertyCells)], [])]),
  ];
  return [...tables, summaryOf(figures, properties)].join("\n\n");
}

function figureCells({ case: id, figure, unit, exact, precisionAsked, judgement, ok, error }: FigureRow): string[] {
  if (judgement === null)
    return [id, figure, number(exact), "", unit, "", "", percent(precisionAsked), `FAILED: ${error}`];
  const { measured, standardError, z, precision, verdict } = judgement;
  return [
    id,
    figure,
    number(exact),
    `${number(measured)} ± ${standardError.toPrecision(2)}`,
    unit,
    z.toFixed(1),
    percent(precision),
    percent(precisionAsked),
    ok ? "ok" : `FAILED: ${verdict}`,
  ];
}

function propertyCells({ property, name, seen, ok }: PropertyRow): string[] {
  return [property, name, seen, ok ? "ok" : "FAILED"];
}

function summaryOf(figures: readonly FigureRow[], properties: readonly PropertyRow[]): string {
  const caseIds = new Set(figures.map((row) => row.case));
  const failedIds = new Set(figures.filter(({ ok }) => !ok).map((row) => row.case));
  const failedFigures = figures.filter(({ ok }) => !ok).length;
  const failedChecks = properties.filter(({ ok }) => !ok).length;
  return [
    `${caseIds.size - failedIds.size} of ${caseIds.size} cases agree`,
    `${figures.length - failedFigures} of ${figures.length} figures`,
    `${properties.length - failedChecks} of ${properties.length} checks of properties hold`,
  ].join(", ");
}

function number(value: number): string {
  return Number(value.toPrecision(5)).toString();
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

function table(rows: readonly (readonly string[])[], rightAligned: readonly number[]): string {
  const header = rows[0] ?? [];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? "")].length)));
  const cell = (text: string, column: number): string => {
    const padding = " ".repeat((widths[column] ?? 0) - [...text].length);
    return rightAligned.includes(column) ? padding + text : text + padding;
  };
  return rows.map((row) => row.map(cell).join("  ").trimEnd()).join("\n");
}
