import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { CliError } from "../cli-error.ts";
import { guardChild } from "./process-guard.ts";
import { identifyProcess, type ProcessIdentity } from "./process-identity.ts";

/**
 * A child process under guard, with one way to end it: signals in the given order, each with its patience, and SIGKILL
 * last. It runs in its own session (see process-guard.ts for why). What its output means, and whether it is started
 * again, is for others to decide.
 */
export interface ManagedChildOptions {
  /** How messages call it: "PostgreSQL", "auth-service 0". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  /** "pipe" makes `stdout` and `stderr` readable; a number is an open file that takes both. */
  readonly output: "pipe" | "ignore" | number;
  /** Signals that ask for an end, in order, each with the time it is given. SIGKILL follows by itself. */
  readonly stopSignals: readonly { readonly signal: NodeJS.Signals; readonly waitMs: number }[];
  /** Higher stops first when this process vanishes. */
  readonly guardOrder: number;
}

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ManagedChild {
  readonly name: string;
  readonly pid: number;
  readonly identity: ProcessIdentity;
  /** Resolves once, when the process has ended; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #options: ManagedChildOptions;
  readonly #child: ChildProcess;
  #exit: ChildExit | undefined;
  #stopping: Promise<ChildExit> | undefined;

  private constructor(options: ManagedChildOptions, child: ChildProcess, pid: number) {
    this.#options = options;
    this.#child = child;
    this.name = options.name;
    this.pid = pid;
    this.identity = identifyProcess(pid);
    const first = options.stopSignals[0];
    const unguard = guardChild({
      pid,
      order: options.guardOrder,
      signal: first?.signal ?? "SIGKILL",
      graceMs: first?.waitMs ?? 0,
    });
    this.exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#exit = { code, signal };
        unguard();
        resolve(this.#exit);
      });
    });
  }

  /** Starts the process. Throws CliError when the system cannot start it. */
  static async start(options: ManagedChildOptions): Promise<ManagedChild> {
    const stdio: StdioOptions = ["ignore", options.output, options.output];
    const child = spawn(options.command, options.args, {
      detached: true,
      stdio,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    const { pid } = child;
    if (pid === undefined) {
      const cause = await new Promise<Error>((resolve) => child.once("error", resolve));
      throw new CliError(`${options.name} could not be started: ${cause.message}`, { cause });
    }
    child.on("error", () => undefined);
    return new ManagedChild(options, child, pid);
  }

  get exit(): ChildExit | undefined {
    return this.#exit;
  }

  get stdout(): Readable | null {
    return this.#child.stdout;
  }

  get stderr(): Readable | null {
    return this.#child.stderr;
  }

  /** Asks for an end and waits for it, in the end with SIGKILL. Safe to call twice and on one that has ended. */
  stop(): Promise<ChildExit> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends it at once, as a crash would. */
  kill(): Promise<ChildExit> {
    if (this.#exit === undefined) {
      this.#child.kill("SIGKILL");
    }
    return this.exited;
  }

  async #stop(): Promise<ChildExit> {
    for (const { signal, waitMs } of this.#options.stopSignals) {
      if (this.#exit !== undefined) {
        return this.#exit;
      }
      this.#child.kill(signal);
      await Promise.race([this.exited, wait(waitMs)]);
    }
    return this.kill();
  }
}

/** A child's end in words: "exited with code 1", "was killed by SIGKILL". */
export function describeExit(exit: ChildExit): string {
  return exit.signal === null ? `exited with code ${exit.code ?? "unknown"}` : `was killed by ${exit.signal}`;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    // Unreferenced: when the child ends first, this must not hold the process open.
    setTimeout(resolve, ms).unref();
  });
}
