/**
 * Reads a trace file: CSV (RFC 4180, one record a line) whose first line names the columns.
 *
 * The time stands in a column named timestamp, time, ts, date, datetime, arrival, arrival_time or start_time; a unit may
 * follow (`time_ms`, `timestamp (s)`). A column class, type or category, when there is one, says what kind of request it is.
 * Times are ISO 8601 or numbers, alike in all rows. Numbers without a unit are seconds, unless the first is 10^11 or more:
 * as seconds that is the year 5138, as milliseconds 1973. Rows need no order; other columns are ignored.
 *
 * A wrong cell refuses the file, because a trace with holes would be another one.
 */
import { csvCells } from "./csv-cells.ts";
import { decimal, isoTimeMs } from "./timestamp.ts";

const maximumArrivals = 1_000_000;
const firstEpochMs = 1e11;
/** Beyond it no unit that we read makes sense. */
const largestNumber = 1e14;
const timeColumn =
  /^(?:timestamp|datetime|date|time|ts|arrival|arrival[ _-]?time|start[ _-]?time)(?:[ _.([-]*(ms|millis|milliseconds)[)\]]?|[ _.([-]+(s|sec|seconds)[)\]]?)?$/;
const classColumn = /^(?:class|type|category)$/;

/** Arrivals in milliseconds from the first one of the file, ascending; as many as the file has rows. */
export interface ReplayTrace {
  readonly arrivalsMs: readonly number[];
  /** The same arrivals by class, in the order in which classes first appear; empty when the file has no such column. */
  readonly classes: readonly { readonly name: string; readonly arrivalsMs: readonly number[] }[];
}

/** What is wrong with a trace file, and where. Lines count from 1; `column` is a name, or empty for a whole line. */
export class ReplayFileError extends Error {
  override readonly name = "ReplayFileError";
  readonly line: number;
  readonly column: string;

  constructor(line: number, column: string, problem: string) {
    super(`line ${line}${column === "" ? "" : `, column "${column}"`}: ${problem}`);
    this.line = line;
    this.column = column;
  }
}

interface Columns {
  readonly count: number;
  readonly time: number;
  readonly timeName: string;
  readonly unit: "ms" | "s" | undefined;
  /** -1 when there is none. */
  readonly class: number;
  readonly className: string;
}

/** Throws ReplayFileError when the text is no trace, or has more than a million arrivals. */
export function parseReplay(text: string): ReplayTrace {
  let columns: Columns | undefined;
  let format: ((cell: string) => number | undefined) | undefined;
  let expected = "";
  const timesMs: number[] = [];
  const byClass = new Map<string, number[]>();
  let line = 0;
  for (let from = text.startsWith("\ufeff") ? 1 : 0; from < text.length; ) {
    const newline = text.indexOf("\n", from);
    const end = newline < 0 ? text.length : newline;
    const row = text.slice(from, text[end - 1] === "\r" ? end - 1 : end);
    from = end + 1;
    line++;
    if (row.trim() === "") continue;
    const cells = csvCells(row);
    if (cells === undefined)
      throw new ReplayFileError(line, "", "a quotation mark is not closed, or not doubled inside");
    if (columns === undefined) {
      columns = columnsOf(cells, line);
      continue;
    }
    if (cells.length > columns.count) {
      throw new ReplayFileError(line, "", `the line has ${cells.length} cells, the header only ${columns.count}`);
    }
    if (timesMs.length === maximumArrivals) {
      throw new ReplayFileError(line, "", `a trace may have at most ${maximumArrivals} arrivals`);
    }
    const cell = cellAt(cells, columns.time, columns.timeName, line);
    if (format === undefined) {
      const value = columns.unit === undefined ? decimal(cell) : 0;
      expected = value === undefined ? "ISO 8601, such as 2025-03-01T12:00:00.250Z" : "a number below 10^14";
      format = value === undefined ? isoTimeMs : numberReader(columns.unit ?? (value >= firstEpochMs ? "ms" : "s"));
    }
    const timeMs = format(cell);
    if (timeMs === undefined) {
      throw new ReplayFileError(line, columns.timeName, `"${cell.slice(0, 80)}" is no time; expected is ${expected}`);
    }
    timesMs.push(timeMs);
    if (columns.class < 0) continue;
    const name = cellAt(cells, columns.class, columns.className, line);
    const ofClass = byClass.get(name);
    if (ofClass === undefined) byClass.set(name, [timeMs]);
    else ofClass.push(timeMs);
  }
  if (timesMs.length === 0) throw new ReplayFileError(Math.max(1, line), "", "the trace has no arrivals");
  const arrivals = Float64Array.from(timesMs).sort();
  const firstMs = arrivals[0] as number;
  const classes = [...byClass].map(([name, times]) => {
    return { name, arrivalsMs: sinceFirst(Float64Array.from(times).sort(), firstMs) };
  });
  return { arrivalsMs: sinceFirst(arrivals, firstMs), classes };
}

function columnsOf(header: readonly string[], line: number): Columns {
  const names = header.map((cell) => cell.trim().toLowerCase());
  const time = names.findIndex((name) => timeColumn.test(name));
  if (time < 0) {
    const given = header.map((cell) => `"${cell.slice(0, 40)}"`).slice(0, 20);
    throw new ReplayFileError(line, "", `no column is named timestamp, time or alike; given are ${given.join(", ")}`);
  }
  const [, milliseconds, seconds] = timeColumn.exec(names[time] as string) as RegExpExecArray;
  const unit = milliseconds === undefined ? (seconds === undefined ? undefined : "s") : "ms";
  const classIndex = names.findIndex((name) => classColumn.test(name));
  const className = header[classIndex] ?? "";
  const count = header.length;
  return { count, time, timeName: header[time] as string, unit, class: classIndex, className };
}

function cellAt(cells: readonly string[], index: number, column: string, line: number): string {
  const cell = cells[index];
  if (cell !== undefined) return cell.trim();
  throw new ReplayFileError(line, column, `the line ends before this column: it has ${cells.length}`);
}

function numberReader(unit: "ms" | "s"): (cell: string) => number | undefined {
  const factor = unit === "ms" ? 1 : 1000;
  return (cell) => {
    const value = decimal(cell);
    return value === undefined || Math.abs(value) >= largestNumber ? undefined : value * factor;
  };
}

/** To the nanosecond, which takes the noise of the last digits away. */
function sinceFirst(timesMs: Float64Array, firstMs: number): number[] {
  return Array.from(timesMs, (timeMs) => Math.round((timeMs - firstMs) * 1e6) / 1e6);
}
