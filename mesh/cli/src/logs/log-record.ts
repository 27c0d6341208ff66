/*
 * One line of a service's log. Services write JSON (pino); whatever else a process prints, such as the last words of a
 * crash, is wrapped into the same form, so that nothing is lost and everything merges by time.
 */

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogRecord {
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly service: string;
  readonly instance: string;
  readonly message: string;
  /** Everything else that the line says. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The line as it was written. */
  readonly line: string;
}

const pinoLevels: Readonly<Record<number, LogLevel>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/** Reads a line of JSON; undefined when it is none, or carries no time and level. */
export function parseLogLine(line: string): LogRecord | undefined {
  if (!line.startsWith("{")) {
    return undefined;
  }
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { level, time, message, msg, service, instance, ...fields } = value;
  const timeMs = typeof time === "number" ? time : typeof time === "string" ? Date.parse(time) : Number.NaN;
  const name = typeof level === "number" ? pinoLevels[level] : logLevels.find((known) => known === level);
  if (Number.isNaN(timeMs) || name === undefined) {
    return undefined;
  }
  return {
    timeMs,
    level: name,
    service: typeof service === "string" ? service : "",
    instance: instance === undefined ? "" : String(instance),
    message: typeof message === "string" ? message : typeof msg === "string" ? msg : "",
    fields,
    line,
  };
}

/** The line for text that a process printed outside its logger. */
export function wrapPlainText(
  text: string,
  origin: { service: string; instance: string; level: LogLevel; timeMs: number },
): string {
  const { service, instance, level, timeMs } = origin;
  return JSON.stringify({ level, time: new Date(timeMs).toISOString(), service, instance, message: text });
}

/** Whether a level is at least as severe as another. */
export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(least);
}
