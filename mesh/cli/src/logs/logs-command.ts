import { setTimeout as delay } from "node:timers/promises";
import { defineCommand } from "citty";
import { CliError } from "../cli-error.ts";
import { commonArgs, parseDuration } from "../command-line/options.ts";
import { portOffsetFrom, statePaths } from "../workspace/state-directory.ts";
import { findWorkspaceRoot } from "../workspace/workspace.ts";
import { FileFollower } from "./follow-file.ts";
import { formatRecord } from "./format-record.ts";
import { type LogFilter, listLogFiles, matches, readRecords } from "./log-files.ts";
import { type LogRecord, logLevels, parseLogLine } from "./log-record.ts";

/** How many records are shown when nothing limits them; more is asked for with --since or --lines. */
const defaultLines = 200;

export const logsCommand = defineCommand({
  meta: { name: "logs", description: "Show the services' logs in order of time, and follow them." },
  args: {
    service: { type: "positional", description: "Only this service; -service may be left out", required: false },
    follow: { type: "boolean", alias: "f", description: "Go on with what is written from now on" },
    level: { type: "string", description: `Least severity: ${logLevels.join(", ")}` },
    since: { type: "string", description: "Only what is younger", valueHint: "10m" },
    grep: { type: "string", description: "Only lines that hold this text, such as a correlation id" },
    lines: { type: "string", alias: "n", description: `Only the last lines (default ${defaultLines} without --since)` },
    json: { type: "boolean", description: "Print the lines as they were written" },
    ...commonArgs,
  },
  async run({ args }) {
    const level = logLevels.find((name) => name === args.level);
    if (args.level !== undefined && level === undefined) {
      throw new CliError(`--level is "${args.level}"; it takes ${logLevels.join(", ")}`);
    }
    const filter: LogFilter = {
      ...(level === undefined ? {} : { level }),
      ...(args.since === undefined ? {} : { sinceMs: Date.now() - parseDuration("--since", args.since) }),
      ...(args.grep === undefined ? {} : { grep: args.grep }),
    };
    const count = args.lines === undefined ? (args.since === undefined ? defaultLines : Infinity) : Number(args.lines);
    if (!(count >= 0)) {
      throw new CliError(`--lines is "${args.lines}"; it takes a number`);
    }
    const { logs } = statePaths(findWorkspaceRoot(process.cwd()), portOffsetFrom(process.env), process.env);
    const files = await listLogFiles(logs, args.service);
    const show = (record: LogRecord) => {
      process.stdout.write(`${args.json ? record.line : formatRecord(record)}\n`);
    };
    const followers = args.follow ? await Promise.all(files.map(({ current }) => FileFollower.atEnd(current))) : [];
    const ends = new Map(followers.map(({ path, position }) => [path, position]));
    const records = await readRecords(files, filter, ends);
    for (const record of count === 0 ? [] : records.slice(-count)) {
      show(record);
    }
    while (followers.length > 0 && process.stdout.writable) {
      await delay(200);
      const lines = (await Promise.all(followers.map((follower) => follower.read()))).flat();
      const fresh = lines.map(parseLogLine).filter((record) => record !== undefined && matches(record, filter));
      for (const record of fresh.filter((one) => one !== undefined).sort((a, b) => a.timeMs - b.timeMs)) {
        show(record);
      }
    }
  },
});
