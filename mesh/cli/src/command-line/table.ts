import { stripVTControlCharacters } from "node:util";
import colors from "./colors.ts";

/** Lays out rows under headings, columns as wide as their widest cell; colours in cells do not count. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => visibleLength(row[column] ?? ""))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - visibleLength(cell)))
      .join("  ")
      .trimEnd();
  return [colors.bold(line(headings)), ...rows.map(line)].join("\n");
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
