import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../cli-error.ts";
import { isAtLeast, type LogLevel, type LogRecord, parseLogLine } from "./log-record.ts";

/** Which records are wanted. */
export interface LogFilter {
  /** Service name, with or without "-service"; all when undefined. */
  readonly service?: string;
  readonly level?: LogLevel;
  readonly sinceMs?: number;
  /** Text that the line must hold: a correlation id, a user's id, a word. */
  readonly grep?: string;
}

/** One service's log with its older parts, oldest first. */
export interface LogFile {
  readonly name: string;
  /** The file that is written to. */
  readonly current: string;
  readonly older: readonly string[];
}

/** The log files of the services in a directory. Throws CliError when a service is named that has none. */
export async function listLogFiles(directory: string, service: string | undefined): Promise<LogFile[]> {
  const entries: string[] = await readdir(directory).catch(() => []);
  const files = entries
    .map((entry) => /^([a-z0-9-]+-\d+)\.log$/.exec(entry)?.[1])
    .filter((name) => name !== undefined)
    .sort();
  if (files.length === 0) {
    throw new CliError(`there are no logs in ${directory}`, { next: "start the system with `npm start`" });
  }
  const ofService = (name: string) => name.replace(/-\d+$/, "");
  const chosen = files.filter(
    (name) => service === undefined || [service, `${service}-service`].includes(ofService(name)),
  );
  if (chosen.length === 0) {
    const names = [...new Set(files.map(ofService))].join(", ");
    throw new CliError(`there is no log of "${service}"`, { next: `services with logs: ${names}` });
  }
  return chosen.map((name) => ({
    name,
    current: join(directory, `${name}.log`),
    older: [".3", ".2", ".1"]
      .filter((end) => entries.includes(`${name}.log${end}`))
      .map((end) => join(directory, `${name}.log${end}`)),
  }));
}

/** All wanted records of the files, in order of time. `ends`: how many bytes of a file count; all where nothing is said. */
export async function readRecords(
  files: readonly LogFile[],
  filter: LogFilter,
  ends: ReadonlyMap<string, number> = new Map(),
): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (const path of files.flatMap(({ older, current }) => [...older, current])) {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") {
        return Buffer.alloc(0);
      }
      throw new CliError(`${path} could not be read`, { cause: error });
    });
    for (const line of bytes.toString("utf8", 0, ends.get(path)).split("\n")) {
      const record = parseLogLine(line);
      if (record !== undefined && matches(record, filter)) {
        records.push(record);
      }
    }
  }
  return records.sort((a, b) => a.timeMs - b.timeMs);
}

/** Whether a record is wanted. Pure. */
export function matches(record: LogRecord, filter: LogFilter): boolean {
  return (
    (filter.level === undefined || isAtLeast(record.level, filter.level)) &&
    (filter.sinceMs === undefined || record.timeMs >= filter.sinceMs) &&
    (filter.grep === undefined || record.line.includes(filter.grep))
  );
}
