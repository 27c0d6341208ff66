import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeFlags } from "@weft/cli/node-flags";
import type { LiveOrder, LiveReply, LiveRequest, Progress } from "./orders.ts";
import { probeFlags } from "./server-figures.ts";

type Main = "client-main.ts" | "peers-main.ts" | "publisher-main.ts";

const stopPatienceMs = 3_000;

/** One process of this bench: a client, a server of a peer, or the publisher. It ends with the bench, as its channel does. */
export class LiveProcess {
  readonly #process: ChildProcess;
  readonly #logFile: string;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #asked = 0;
  /** Hears how many frames have arrived, while a count tells. */
  onFrames: ((frames: number) => void) | undefined;

  constructor(main: Main, folder: string, name: string) {
    this.#logFile = join(folder, `${name}.log`);
    const log = openSync(this.#logFile, "a");
    this.#process = spawn(
      process.execPath,
      [...nodeFlags, ...probeFlags, fileURLToPath(new URL(main, import.meta.url))],
      {
        env: { ...process.env, NODE_ENV: "production", WEFT_BENCH_PROBE: folder },
        stdio: ["ignore", log, log, "ipc"],
      },
    );
    closeSync(log);
    this.#process.on("message", (reply: LiveReply) => this.#hear(reply));
    this.#process.once("exit", (code, signal) => {
      const error = new Error(
        `${name} ended with ${signal ?? code}: ${readFileSync(this.#logFile, "utf8").slice(-1500)}`,
      );
      for (const { reject } of this.#waiting.values()) {
        reject(error);
      }
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Rejects when the process ends, refuses, or takes longer than the limit. */
  async ask<Result = void>(order: LiveOrder, limitMs: number): Promise<Result> {
    this.#asked += 1;
    const id = this.#asked;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    this.#process.send({ id, order } satisfies LiveRequest);
    const timer = setTimeout(() => reject(new Error(`${order.kind} was not answered in ${limitMs} ms`)), limitMs);
    try {
      return (await promise) as Result;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  tell(progress: Progress): void {
    this.#process.send(progress);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
      return;
    }
    const exited = once(this.#process, "exit");
    this.#process.disconnect();
    const timer = setTimeout(() => this.kill(), stopPatienceMs);
    await exited;
    clearTimeout(timer);
  }

  /** At once, for the last moment of the bench. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #hear(reply: LiveReply): void {
    if ("frames" in reply) {
      this.onFrames?.(reply.frames);
    } else if ("error" in reply) {
      this.#waiting.get(reply.id)?.reject(new Error(reply.error));
    } else {
      this.#waiting.get(reply.id)?.resolve(reply.result);
    }
  }
}

/** The child's end: answers each order, hears of progress, and ends with the process that gave it. */
export function answerLiveOrders(
  answer: (order: LiveOrder) => Promise<unknown>,
  hear: (progress: Progress) => void = () => undefined,
): void {
  process.on("message", (message: LiveRequest | Progress) => {
    if ("arrived" in message) {
      hear(message);
      return;
    }
    const { id, order } = message;
    answer(order).then(
      (result) => process.send?.({ id, result } satisfies LiveReply),
      (error: unknown) => process.send?.({ id, error: error instanceof Error ? (error.stack ?? "") : String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}
