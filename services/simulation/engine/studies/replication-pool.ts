import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Architecture, ReplicationOptions, ReplicationOutcome } from "../src/index.ts";
import type { ReplicationAnswer } from "./replication-main.ts";
import { OverflowError, StudyError } from "./study-error.ts";

/*
 * Worker threads that run replications of one architecture, each leased to one replication at a time. Threads are started
 * when they are first needed, up to `size`; who comes when all are leased waits in line. A thread that dies (out of
 * memory) fails the replication it was leased to, and is not replaced: the study is over then.
 */

/** Leaves a processor to the main thread and everything else on the machine. */
export const defaultPoolSize = Math.max(1, availableParallelism() - 1);

/** `Options` and `Outcome` are those of the program that the threads run. */
export class ReplicationPool<
  Options extends { readonly seed: number } = ReplicationOptions,
  Outcome = ReplicationOutcome,
> {
  readonly size: number;
  readonly #architecture: Architecture;
  readonly #program: URL;
  readonly #workers: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  /** `program` is what the threads run; the replications' own by default. */
  constructor(architecture: Architecture, options: { size?: number; program?: URL } = {}) {
    this.#architecture = architecture;
    this.size = options.size ?? defaultPoolSize;
    this.#program = options.program ?? new URL("./replication-main.ts", import.meta.url);
  }

  /** Throws StudyError, with the seed, when the replication cannot be finished. */
  async run(options: Options): Promise<Outcome> {
    const worker = await this.#lease();
    const answer = await ask<Outcome>(worker, options);
    this.#release(worker);
    if ("outcome" in answer) return answer.outcome;
    const message = `the replication with seed ${options.seed} failed: ${answer.error.message}`;
    throw answer.error.name === "TooManyRequestsError" ? new OverflowError(message) : new StudyError(message);
  }

  /** Ends all threads at once, also in the middle of a replication; what still waits for an answer waits for ever. */
  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async #lease(): Promise<Worker> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#workers.length >= this.size) return await new Promise((resolve) => this.#waiting.push(resolve));
    const worker = new Worker(this.#program, {
      name: "replications",
      workerData: this.#architecture,
      // Running TypeScript unbuilt makes every thread print a warning otherwise.
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    // Also an error that comes when nobody waits, as ending a thread may raise one, must not end the process.
    worker.on("error", () => undefined);
    this.#workers.push(worker);
    return worker;
  }

  #release(worker: Worker): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(worker);
    else next(worker);
  }
}

function ask<Outcome>(worker: Worker, options: { readonly seed: number }): Promise<ReplicationAnswer<Outcome>> {
  const { promise, resolve, reject } = Promise.withResolvers<ReplicationAnswer<Outcome>>();
  const failed = (why: string, cause?: unknown) =>
    reject(new StudyError(`the worker of the replication with seed ${options.seed} ${why}`, { cause }));
  const listeners = {
    message: (answer: ReplicationAnswer<Outcome>) => resolve(answer),
    error: (error: Error) => failed("failed", error),
    messageerror: (error: Error) => failed("sent what cannot be read", error),
    exit: (code: number) => failed(`ended with code ${code}`),
  };
  for (const [event, listener] of Object.entries(listeners)) worker.on(event, listener);
  if (worker.threadId === -1) failed("had ended before");
  worker.postMessage(options);
  return promise.finally(() => {
    for (const [event, listener] of Object.entries(listeners)) worker.off(event, listener);
  });
}
