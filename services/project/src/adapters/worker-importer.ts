/**
 * Reads files in worker threads, so that a hostile one costs its sender an answer and nobody else a pause (PROJ-13).
 *
 * Up to `threads` threads are started when they are needed and used again. A file that takes longer than `timeLimitMs`, or
 * more memory than a thread has, is refused as unreadable, and its thread is ended. Up to `mostWaiting` files wait for a
 * thread; beyond that callers are told to try again. The time a thread takes to start is not the file's.
 */
import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "@weft/mesh";
import type { ImportResult } from "../domain/architecture/import-result.ts";
import { ProjectError } from "../domain/errors.ts";
import type { Format } from "../domain/formats.ts";
import type { Importer } from "../domain/ports.ts";
import type { ImportAnswer, ImportRequest } from "../worker/messages.ts";

export interface WorkerImporterOptions {
  readonly clock: Clock;
  /** Default 2. */
  readonly threads?: number;
  /** Default 5000; the slowest files known take half of it on a small machine. */
  readonly timeLimitMs?: number;
  /** Default 32: with full-sized files some 32 MiB. */
  readonly mostWaiting?: number;
  /** Of each thread; default 512 MiB. */
  readonly memoryMb?: number;
  /** Another program for the threads, which speaks `messages.ts`. */
  readonly workerUrl?: URL;
}

interface Job {
  readonly request: ImportRequest;
  readonly resolve: (result: ImportResult) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  ready: boolean;
  job: Job | undefined;
  timer: Timer | undefined;
}

export class WorkerImporter implements Importer {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #timeLimitMs: number;
  readonly #mostWaiting: number;
  readonly #memoryMb: number;
  readonly #workerUrl: URL;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Job[] = [];
  #closed = false;

  constructor(options: WorkerImporterOptions) {
    this.#clock = options.clock;
    this.#most = options.threads ?? 2;
    this.#timeLimitMs = options.timeLimitMs ?? 5000;
    this.#mostWaiting = options.mostWaiting ?? 32;
    this.#memoryMb = options.memoryMb ?? 512;
    this.#workerUrl = options.workerUrl ?? new URL("../worker/import-worker.ts", import.meta.url);
  }

  read(format: Format, content: string): Promise<ImportResult> {
    if (this.#closed || this.#waiting.length >= this.#mostWaiting) {
      return Promise.reject(new ProjectError("unavailable", "too many files are being read at the moment; try again"));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request: { format, content }, resolve, reject });
      this.#assign();
    });
  }

  /** Ends the threads; what they were reading is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const threads = [...this.#threads];
    for (const job of this.#waiting.splice(0)) {
      job.reject(new ProjectError("unavailable", "the service is stopping; try again"));
    }
    for (const thread of threads) {
      this.#drop(thread, new ProjectError("unavailable", "the service is stopping; try again"));
    }
    await Promise.all(threads.map((thread) => thread.worker.terminate()));
  }

  #assign(): void {
    for (const thread of this.#threads) {
      if (thread.job === undefined) {
        this.#give(thread);
      }
    }
    if (this.#waiting.length > 0 && this.#threads.size < this.#most && !this.#closed) {
      this.#give(this.#startThread());
    }
  }

  #give(thread: Thread): void {
    thread.job = this.#waiting.shift();
    if (thread.job === undefined) {
      thread.worker.unref();
      return;
    }
    thread.worker.ref();
    if (thread.ready) {
      this.#send(thread, thread.job);
    }
  }

  #send(thread: Thread, job: Job): void {
    thread.worker.postMessage(job.request);
    thread.timer = this.#clock.setTimer(() => {
      this.#drop(thread, unreadable(`it takes longer than ${this.#timeLimitMs / 1000} s to read`));
      void thread.worker.terminate();
    }, this.#timeLimitMs);
  }

  #startThread(): Thread {
    const worker = new Worker(this.#workerUrl, {
      name: "import",
      env: {},
      // Running TypeScript unbuilt makes every thread print a warning otherwise.
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: { maxOldGenerationSizeMb: this.#memoryMb },
    });
    const thread: Thread = { worker, ready: false, job: undefined, timer: undefined };
    this.#threads.add(thread);
    worker.on("message", (answer: ImportAnswer) => this.#answered(thread, answer));
    worker.on("error", (error) => this.#drop(thread, failureOf(error)));
    worker.on("exit", (code) => this.#drop(thread, new Error(`the thread that reads files exited with code ${code}`)));
    return thread;
  }

  #answered(thread: Thread, answer: ImportAnswer): void {
    const { job } = thread;
    if (answer.type === "ready") {
      thread.ready = true;
      if (job !== undefined) {
        this.#send(thread, job);
      }
      return;
    }
    thread.timer?.cancel();
    thread.job = undefined;
    if (answer.type === "read") {
      job?.resolve(answer.result);
    } else {
      const { kind, message, fields, facts } = answer;
      job?.reject(new ProjectError(kind, message, { fields, facts }));
    }
    this.#give(thread);
  }

  /** Once per thread, however it ends. */
  #drop(thread: Thread, reason: Error): void {
    if (!this.#threads.delete(thread)) {
      return;
    }
    thread.timer?.cancel();
    thread.job?.reject(reason);
    this.#assign();
  }
}

function failureOf(error: unknown): Error {
  if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return unreadable("it takes more memory to read than there is");
  }
  return error instanceof Error ? error : new Error(String(error));
}

function unreadable(description: string): ProjectError {
  return new ProjectError("content_unreadable", `content: ${description}`, {
    fields: [{ field: "content", description }],
  });
}
