import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * A log file that is set aside when it has grown to its limit: `x.log`, then `x.log.1` … `x.log.3`, the oldest is
 * dropped. Writes are synchronous: what was said last is on disk even when this process is killed next.
 */
export class RotatingLog {
  readonly path: string;
  readonly #limitBytes: number;
  #fd: number;
  #size: number;
  #closed = false;

  constructor(path: string, limitBytes = 10_000_000) {
    this.path = path;
    this.#limitBytes = limitBytes;
    mkdirSync(dirname(path), { recursive: true });
    this.#fd = openSync(path, "a", 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  /** Appends a line; after `close` there is nothing to append to, and it is dropped. */
  writeLine(line: string): void {
    if (this.#closed) {
      return;
    }
    const bytes = Buffer.from(`${line}\n`);
    if (this.#size > 0 && this.#size + bytes.length > this.#limitBytes) {
      this.#rotate();
    }
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(this.#fd, bytes, written);
    }
    this.#size += bytes.length;
  }

  close(): void {
    this.#closed = true;
    closeSync(this.#fd);
  }

  #rotate(): void {
    closeSync(this.#fd);
    for (const [from, to] of [
      [".2", ".3"],
      [".1", ".2"],
      ["", ".1"],
    ] as const) {
      try {
        renameSync(this.path + from, this.path + to);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
          throw error;
        }
      }
    }
    this.#fd = openSync(this.path, "a", 0o600);
    this.#size = 0;
  }
}
