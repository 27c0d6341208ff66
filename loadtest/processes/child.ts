import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nodeFlags } from "@weft/cli/node-flags";
import type { MainFile, Order, Reply, Request } from "./orders.ts";

/*
 * One process of a measurement, as the bench holds it: orders go in and answers come back, each within a limit. Its output
 * goes to a file and is quoted when it fails. It ends when it is told to, and by itself when the bench vanishes, since
 * the channel between them closes then.
 */

const stopPatienceMs = 3_000;
const quotedBytes = 1_500;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Child {
  readonly #name: string;
  readonly #logFile: string;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #ended = false;

  constructor(name: string, main: MainFile, logFile: string) {
    this.#name = name;
    this.#logFile = logFile;
    const log = openSync(logFile, "a");
    this.#process = spawn(process.execPath, [...nodeFlags, fileURLToPath(new URL(main, import.meta.url))], {
      env: { ...process.env, NODE_ENV: "production", LOG_LEVEL: "info" },
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    this.#process.on("message", (reply: Reply) => this.#settle(reply));
    this.#exited = new Promise((resolve) => {
      const end = (reason: string): void => {
        if (this.#ended) {
          return;
        }
        this.#ended = true;
        this.#failAll(new Error(`${name} ${reason}${this.#lastWords()}`));
        resolve();
      };
      this.#process.once("exit", (code, signal) => end(`ended with ${signal ?? code}`));
      this.#process.on("error", (error) => {
        // The same event tells of a channel that closed under an order; the end of the process itself follows then.
        if (this.#process.pid === undefined) {
          end(`could not be started: ${error.message}`);
        }
      });
    });
  }

  /** Rejects when the process ends, refuses, or takes longer than the limit. */
  async ask<Result>(order: Order, limitMs: number): Promise<Result> {
    if (this.#ended || !this.#process.connected) {
      throw new Error(`${this.#name} has ended${this.#lastWords()}`);
    }
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    const request: Request = { id, order };
    this.#process.send(request);
    const timer = setTimeout(
      () => reject(new Error(`${this.#name} did not answer ${order.kind} in ${limitMs} ms${this.#lastWords()}`)),
      limitMs,
    );
    try {
      return (await promise) as Result;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  async stop(): Promise<void> {
    if (this.#ended) {
      return;
    }
    // Closing the channel ends it at once; the signal is for one that does not come to look at it.
    if (this.#process.connected) {
      this.#process.disconnect();
    }
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), stopPatienceMs);
    await this.#exited;
    clearTimeout(timer);
  }

  /** At once, for the last moment of the bench's own process. */
  kill(): void {
    if (!this.#ended) {
      this.#process.kill("SIGKILL");
    }
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if ("error" in reply) {
      waiting?.reject(new Error(`${this.#name}: ${reply.error}`));
    } else {
      waiting?.resolve(reply.result);
    }
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) {
      reject(error);
    }
  }

  #lastWords(): string {
    try {
      const words = readFileSync(this.#logFile, "utf8").trim().slice(-quotedBytes);
      return words === "" ? "" : `; its last words:\n${words}`;
    } catch {
      // Removed at the end of the run.
      return "";
    }
  }
}
