import { stripVTControlCharacters } from "node:util";
import colors from "./colors.ts";

const gap = "  ";

/**
 * Lays out rows under headings, columns as wide as their widest cell; colours in cells do not count. What is wider than
 * `widest` characters goes on below, each part beginning with the first column, since lines that wrap cannot be read.
 */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  widest = Number.POSITIVE_INFINITY,
): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => visibleLength(row[column] ?? ""))),
  );
  const parts = partsOf(widths, widest).map((columns) => {
    const line = (cells: readonly string[]) =>
      columns
        .map((column) => (cells[column] ?? "") + " ".repeat((widths[column] ?? 0) - visibleLength(cells[column] ?? "")))
        .join(gap)
        .trimEnd();
    return [colors.bold(line(headings)), ...rows.map(line)].join("\n");
  });
  return parts.join("\n\n");
}

/** As wide as standard output, when that is a terminal; programs that read it get whole lines. */
export function formatTableToFit(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return formatTable(headings, rows, process.stdout.isTTY ? process.stdout.columns : undefined);
}

/** Columns side by side, as many as fit; a part has at least one beside the first. */
function partsOf(widths: readonly number[], widest: number): number[][] {
  const first = widths[0] ?? 0;
  const parts: number[][] = [[0]];
  let used = first;
  for (let column = 1; column < widths.length; column++) {
    const width = gap.length + (widths[column] ?? 0);
    if (used + width > widest && (parts.at(-1) as number[]).length > 1) {
      parts.push([0]);
      used = first;
    }
    (parts.at(-1) as number[]).push(column);
    used += width;
  }
  return parts;
}

/** A span of time in its two largest units: "2 h 5 m", "38 s". */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) {
    return `${days} d ${hours} h`;
  }
  if (hours > 0) {
    return `${hours} h ${minutes} m`;
  }
  return minutes > 0 ? `${minutes} m ${seconds % 60} s` : `${seconds} s`;
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
