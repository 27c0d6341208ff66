import type { Row } from "./rows.ts";

/** The rows as a person reads them: numbers right-aligned, one line each, and what is not met said below. */
export function renderTable(rows: readonly Row[]): string {
  const header = ["", "ours", "peer", "unit", "ratio", "min–max", "at least", ""];
  const lines = rows.map((row) => [
    row.id,
    formatNumber(row.ours),
    formatNumber(row.peer),
    row.unit,
    row.ratio === null ? "" : `${formatNumber(row.ratio)}×`,
    row.spread === null ? "" : `${formatNumber(row.spread[0])}–${formatNumber(row.spread[1])}`,
    row.atLeast === null ? "" : `${row.atLeast}×`,
    row.ok ? "ok" : "NOT OK",
  ]);
  const widths = header.map((_, column) =>
    Math.max(...[header, ...lines].map((cells) => [...(cells[column] ?? "")].length)),
  );
  const leftAligned = new Set([0, 3, 7]);
  const text = [header, ...lines].map((cells) =>
    cells
      .map((cell, column) => {
        const padding = " ".repeat((widths[column] ?? 0) - [...cell].length);
        return leftAligned.has(column) ? cell + padding : padding + cell;
      })
      .join("  ")
      .trimEnd(),
  );
  const missed = rows.filter(({ ok }) => !ok).map(({ id, what }) => `NOT OK  ${id}: ${what}`);
  return [...text, ...(missed.length > 0 ? ["", ...missed] : [])].join("\n");
}

/** Four significant digits and thousands apart; nothing for what is missing. */
export function formatNumber(value: number | null): string {
  if (value === null) {
    return "";
  }
  return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumSignificantDigits: 4 });
}
