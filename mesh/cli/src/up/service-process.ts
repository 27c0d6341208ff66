import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../cli-error.ts";
import { nodeFlags } from "../node-flags.ts";
import { type ChildExit, describeExit, ManagedChild } from "../process/managed-child.ts";
import { askReadiness } from "../status/readiness.ts";
import type { PlannedProcess } from "./plan.ts";
import { noFailures, planRestart } from "./restart-policy.ts";
import { RotatingLog } from "./rotating-log.ts";
import { ServiceOutput } from "./service-output.ts";

/*
 * One service process and its successors.
 *
 *   starting ──ready──▶ running ──dies──▶ waiting (restart-policy.ts) ──▶ running …
 *      └──dies──▶ failed: the first start is somebody watching, and repeating it would only hide the reason
 *
 * What it prints goes to its log file through service-output.ts; when several run, up.ts decides their order.
 */
export interface ServiceProcessOptions {
  readonly planned: PlannedProcess;
  readonly env: NodeJS.ProcessEnv;
  readonly logDir: string;
  readonly startTimeoutMs: number;
  /** How long a clean end may take before SIGKILL. */
  readonly stopTimeoutMs: number;
  /** Prints a line for the person at the terminal. */
  readonly show: (text: string) => void;
  /** A new process runs, or none. */
  readonly onChange: () => void;
}

export class ServiceProcess {
  readonly planned: PlannedProcess;
  readonly name: string;
  readonly #options: ServiceProcessOptions;
  readonly #log: RotatingLog;
  readonly #output: ServiceOutput;
  readonly #stopRequested = new AbortController();
  #child: ManagedChild | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #supervision: Promise<void> = Promise.resolve();

  constructor(options: ServiceProcessOptions) {
    const { definition, instance } = options.planned;
    this.planned = options.planned;
    this.name = instance === 0 ? definition.service : `${definition.service} ${instance}`;
    this.#options = options;
    this.#log = new RotatingLog(join(options.logDir, `${definition.service}-${instance}.log`));
    const origin = { service: definition.service, instance: `${definition.service}-${instance}` };
    this.#output = new ServiceOutput(this.#log, origin, options.show);
  }

  get logFile(): string {
    return this.#log.path;
  }

  get pid(): number | null {
    return this.#child?.exit === undefined ? (this.#child?.pid ?? null) : null;
  }

  /**
   * Starts the process and waits until it is ready; from then on its deaths are repaired. Throws CliError with its last
   * log lines when it dies or is not ready in time.
   */
  async start(): Promise<void> {
    const child = await this.#spawn();
    const deadline = performance.now() + this.#options.startTimeoutMs;
    let reason = "";
    while (child.exit === undefined && performance.now() < deadline && !this.#stopRequested.signal.aborted) {
      const readiness = await askReadiness("127.0.0.1", this.planned.ports.health);
      if (readiness.ready) {
        this.#supervision = this.#supervise(child);
        return;
      }
      reason = readiness.reason ?? "";
      await Promise.race([delay(40), child.exited]);
    }
    if (this.#stopRequested.signal.aborted) {
      return;
    }
    if (child.exit === undefined) {
      const url = `http://127.0.0.1:${this.planned.ports.health}/readyz`;
      throw this.#failure(`was not ready in ${Math.round(this.#options.startTimeoutMs / 1000)} s (${url}: ${reason})`);
    }
    await this.#outputEnd();
    throw this.#failure(`${describeExit(child.exit)} while starting`);
  }

  /** Ends the process for good: SIGTERM, and SIGKILL when that takes too long. */
  async stop(): Promise<void> {
    this.#stopRequested.abort();
    const exit = await this.#child?.stop();
    if (exit?.signal === "SIGKILL") {
      this.#options.show(
        `${this.name} did not stop in ${this.#options.stopTimeoutMs / 1000} s and was killed; its log: ${this.logFile}`,
      );
    }
    await this.#supervision;
    await this.#outputEnd();
    this.#log.close();
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    this.#stopRequested.abort();
    await this.#child?.kill();
  }

  async #spawn(): Promise<ManagedChild> {
    const { definition } = this.planned;
    this.#output.forget();
    const child = await ManagedChild.start({
      name: this.name,
      command: process.execPath,
      args: [...nodeFlags, definition.entry],
      cwd: definition.directory,
      env: this.#options.env,
      output: "pipe",
      stopSignals: [{ signal: "SIGTERM", waitMs: this.#options.stopTimeoutMs }],
      guardOrder: 10,
    });
    this.#child = child;
    this.#reading = Promise.all([this.#output.read(child.stdout, "info"), this.#output.read(child.stderr, "error")]);
    this.#options.onChange();
    return child;
  }

  async #supervise(first: ManagedChild): Promise<void> {
    const stop = this.#stopRequested.signal;
    let child = first;
    let history = noFailures;
    let startedAt = performance.now();
    while (true) {
      const exit = await child.exited;
      if (stop.aborted) {
        return;
      }
      this.#options.onChange();
      await this.#outputEnd();
      const plan = planRestart(history, performance.now() - startedAt);
      history = plan.history;
      this.#options.show(this.#obituary(exit, plan.delayMs));
      await delay(plan.delayMs, undefined, { signal: stop }).catch(() => undefined);
      if (stop.aborted) {
        return;
      }
      startedAt = performance.now();
      child = await this.#spawn();
      void this.#announceReturn(child);
    }
  }

  async #announceReturn(child: ManagedChild): Promise<void> {
    while (child.exit === undefined && !this.#stopRequested.signal.aborted) {
      if ((await askReadiness("127.0.0.1", this.planned.ports.health)).ready) {
        this.#options.show(`${this.name} is ready again (pid ${child.pid})`);
        return;
      }
      await Promise.race([delay(100), child.exited]);
    }
  }

  /** A process's own children may hold its output open after its death; they are not waited for. */
  async #outputEnd(): Promise<void> {
    await Promise.race([this.#reading, delay(1_000, undefined, { ref: false })]);
  }

  #obituary(exit: ChildExit, delayMs: number): string {
    const words = exit.signal === null ? this.#output.lastLines(5) : "";
    const head = `${this.name} ${describeExit(exit)}; it starts again in ${(delayMs / 1000).toFixed(1)} s`;
    return words === "" ? head : `${head}. Its last words:\n${words}`;
  }

  #failure(what: string): CliError {
    const words = this.#output.lastLines(12);
    return new CliError(`${this.name} ${what}${words === "" ? "" : `. Its last words:\n${words}`}`, {
      next: `the whole log: ${this.logFile}`,
    });
  }
}
