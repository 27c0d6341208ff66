import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { formatRecord } from "../logs/format-record.ts";
import { isAtLeast, type LogLevel, parseLogLine, wrapPlainText } from "../logs/log-record.ts";
import type { RotatingLog } from "./rotating-log.ts";

/**
 * Takes what one service prints: every line goes to its log file, warnings and worse also to the terminal, and the last
 * lines are kept for the message that tells of its death.
 */
export class ServiceOutput {
  readonly #log: RotatingLog;
  readonly #origin: { readonly service: string; readonly instance: string };
  readonly #show: (text: string) => void;
  #recent: string[] = [];

  constructor(log: RotatingLog, origin: { service: string; instance: string }, show: (text: string) => void) {
    this.#log = log;
    this.#origin = origin;
    this.#show = show;
  }

  get logFile(): string {
    return this.#log.path;
  }

  /** Reads a process's output until it ends. What stands outside JSON lines has the level given. */
  read(stream: Readable | null, plainLevel: LogLevel): Promise<void> {
    if (stream === null) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
      lines.on("line", (line) => this.#take(line, plainLevel));
      lines.on("close", resolve);
      stream.on("error", () => lines.close());
    });
  }

  /** The last lines said, readable. */
  lastLines(count: number): string {
    return this.#recent
      .slice(-count)
      .flatMap((line) => line.split("\n"))
      .map((line) => `    ${line}`)
      .join("\n");
  }

  /** Forgets the last lines: another process begins. */
  forget(): void {
    this.#recent = [];
  }

  #take(text: string, plainLevel: LogLevel): void {
    if (text.trim() === "") {
      return;
    }
    let record = parseLogLine(text);
    let line = text;
    if (record === undefined) {
      line = wrapPlainText(text, { ...this.#origin, level: plainLevel, timeMs: Date.now() });
      record = parseLogLine(line);
    }
    this.#log.writeLine(line);
    if (record === undefined) {
      return;
    }
    const readable = formatRecord(record);
    this.#recent.push(readable);
    if (this.#recent.length > 40) {
      this.#recent = this.#recent.slice(-20);
    }
    if (isAtLeast(record.level, "warn")) {
      this.#show(readable);
    }
  }
}
