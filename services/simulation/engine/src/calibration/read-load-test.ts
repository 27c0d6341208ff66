/**
 * Reads what a load test measured: CSV (RFC 4180) with a column `load` and a column `throughput`, in any order and beside any
 * others, or without a heading and with just these two. Rows need no order, and a load may be there several times.
 *
 * A wrong cell refuses the file: a fit over what is left would look as sure as one over everything.
 */
import { csvCells } from "../workloads/csv-cells.ts";
import { decimal } from "../workloads/timestamp.ts";
import { CalibrationError } from "./json.ts";

const columnNames = ["load", "throughput"] as const;
const largestNumber = 1e12;
const mostRows = 100_000;

export interface MeasuredLoad {
  readonly load: number;
  /** Completed per unit of time; the fit keeps the unit. */
  readonly throughput: number;
}

/** Throws CalibrationError, naming row and field; `name` is the file's, for the message. */
export function readLoadTest(text: string, name: string): MeasuredLoad[] {
  const measured: MeasuredLoad[] = [];
  let places: readonly number[] | undefined;
  for (const [index, row] of text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .entries()) {
    if (row.trim() === "") continue;
    const refuse = (problem: string) => new CalibrationError(`${name}, row ${index + 1}: ${problem}`);
    const cells = csvCells(row)?.map((cell) => cell.trim());
    if (cells === undefined) throw refuse("a quotation mark is not closed, or not doubled inside");
    if (places === undefined) {
      const names = cells.map((cell) => cell.toLowerCase());
      places = columnNames.map((column) => names.indexOf(column));
      const isHeading = cells.some((cell) => decimal(cell) === undefined);
      if (!isHeading && cells.length !== 2) {
        throw refuse(`has ${cells.length} columns without names; it takes load and throughput, or a heading with both`);
      }
      const missing = columnNames.filter((_, column) => (places?.[column] ?? -1) < 0);
      if (isHeading && missing.length > 0) {
        throw refuse(`the heading "${row.trim().slice(0, 80)}" has no column ${missing.join(" and no column ")}`);
      }
      if (isHeading) continue;
      places = [0, 1];
    }
    const [load, throughput] = columnNames.map((column, position) => {
      const cell = cells[places?.[position] as number] ?? "";
      const value = decimal(cell);
      if (value !== undefined && value > 0 && value <= largestNumber) return value;
      throw refuse(`${column} is "${cell.slice(0, 80)}"; it takes a number above 0, up to ${largestNumber}`);
    });
    measured.push({ load: load as number, throughput: throughput as number });
    if (measured.length > mostRows) throw refuse(`more than ${mostRows} measurements`);
  }
  return measured;
}
