import colors from "../command-line/colors.ts";
import type { LogLevel, LogRecord } from "./log-record.ts";

const paint: Readonly<Record<LogLevel, (text: string) => string>> = {
  trace: colors.gray,
  debug: colors.gray,
  info: colors.green,
  warn: colors.yellow,
  error: colors.red,
  fatal: (text) => colors.bold(colors.red(text)),
};

/** Fields that stand elsewhere in the line, or say the same on every line. */
const hidden = new Set(["version", "pid", "hostname", "err", "error", "stack"]);

/** A log record for a person: time, level, service, message, fields, and an error with its stack below. */
export function formatRecord(record: LogRecord): string {
  const time = new Date(record.timeMs);
  const clock = `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  const fields = Object.entries(record.fields)
    .filter(([name, value]) => !hidden.has(name) && value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const head = [
    colors.gray(clock),
    paint[record.level](record.level.padEnd(5)),
    colors.cyan(record.service),
    record.message,
    ...(fields.length === 0 ? [] : [colors.gray(fields.join(" "))]),
  ].join(" ");
  const failure = describeFailure(record.fields.err ?? record.fields.error);
  return failure === "" ? head : `${head}\n${colors.gray(indent(failure))}`;
}

function describeFailure(value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  if (typeof value !== "object" || value === null) {
    return "";
  }
  const { stack, type, message } = value as { stack?: unknown; type?: unknown; message?: unknown };
  if (typeof stack === "string") {
    return stack;
  }
  return typeof message === "string"
    ? `${typeof type === "string" ? type : "Error"}: ${message}`
    : JSON.stringify(value);
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `    ${line.trimEnd()}`)
    .join("\n");
}
