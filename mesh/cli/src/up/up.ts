import { prepareRunCertificates, type RunCertificates } from "../certs/run-certificates.ts";
import { CliError, describeError } from "../cli-error.ts";
import colors from "../command-line/colors.ts";
import { startGuard } from "../process/process-guard.ts";
import { identifyProcess } from "../process/process-identity.ts";
import { makeDirectories } from "../workspace/make-directories.ts";
import type { StatePaths } from "../workspace/state-directory.ts";
import type { ServiceDefinition } from "../workspace/workspace.ts";
import { type OpenStores, openStores } from "./open-stores.ts";
import type { UpPlan } from "./plan.ts";
import { assertPortsFree } from "./port-check.ts";
import { Progress } from "./progress.ts";
import { type RunRecord, readRunRecord, removeRunRecord, writeRunRecord } from "./run-file.ts";
import { takeLock } from "./run-lock.ts";
import { serviceEnv } from "./service-env.ts";
import { ServiceProcess } from "./service-process.ts";
import { keepStoreRunning } from "./store-watch.ts";

/*
 * One run of the whole system: lock, ports, stores, services, "ready"; then until a signal everything that dies is
 * started again; then services, Redis and PostgreSQL stop in this order. A start that fails stops what it has started
 * and throws. The guard (process/process-guard.ts) is up before the first child, so that a SIGKILL leaves nothing.
 */
export interface UpOptions {
  readonly services: readonly ServiceDefinition[];
  readonly plan: UpPlan;
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  /** Asks for the end, at any time. */
  readonly stop: AbortSignal;
  /** Asks for the end at once. */
  readonly forceStop: AbortSignal;
}

/** Runs until `stop`. Throws CliError when the system cannot be started. */
export async function up(options: UpOptions): Promise<void> {
  const { paths } = options;
  await openStateDirectory(paths);
  const lock = await takeLock(paths.lockFile);
  if ("heldBy" in lock) {
    const record = await readRunRecord(paths.runFile);
    const where = record === undefined ? "it is still starting" : record.address;
    throw new CliError(`this checkout is already running: pid ${lock.heldBy.pid}, ${where}`, {
      next: `use that one, stop it (kill ${lock.heldBy.pid}), or run a second copy: WEFT_PORT_OFFSET=${paths.portOffset + 100} npm start`,
    });
  }
  const run = new Run(options);
  try {
    await run.start();
    await run.untilStopped();
  } finally {
    await run.stop().finally(lock.release);
  }
}

async function openStateDirectory({ directory, serviceData }: StatePaths): Promise<void> {
  try {
    // Open for entry, not for reading: PostgreSQL may run under an account of its own.
    await makeDirectories(directory);
    await makeDirectories(serviceData, 0o700);
  } catch (error) {
    throw new CliError(`${directory} cannot be made: ${describeError(error)}`, {
      cause: error,
      next: "name a folder that can be written with WEFT_STATE_DIR",
    });
  }
}

class Run {
  readonly #options: UpOptions;
  readonly #progress = new Progress();
  readonly #processes: ServiceProcess[];
  readonly #startedAtMs = Date.now();
  readonly #storeWatch = new AbortController();
  #stores: OpenStores | undefined;
  #certificates: RunCertificates | undefined;
  #recording: Promise<void> = Promise.resolve();
  #ready = false;

  constructor(options: UpOptions) {
    this.#options = options;
    this.#processes = [];
  }

  async start(): Promise<void> {
    const { plan, paths, env, stop } = this.#options;
    await assertPortsFree(plan.processes, paths.portOffset);
    this.#certificates = await prepareRunCertificates(
      paths,
      env,
      [...new Set(plan.processes.map(({ definition }) => definition.service))],
      (text) => this.#progress.print(colors.yellow(text)),
    );
    if (this.#certificates.made !== undefined) {
      this.#progress.done("certificates", `mTLS is on, in ${this.#certificates.made.directory}`);
    }
    startGuard();
    this.#progress.waitFor(["the stores"]);
    const schemas = plan.processes
      .filter(({ instance }) => instance === 0)
      .flatMap(({ definition: { service, database } }) => (database === null ? [] : [{ service, schema: database }]));
    this.#stores = await openStores({
      paths,
      env,
      schemas,
      onDone: (text, detail) => this.#progress.done(text, detail),
      onNote: (text) => this.#progress.note(text),
    });
    this.#watchStores(this.#stores);
    for (const group of plan.startGroups) {
      if (!stop.aborted) {
        await this.#startGroup(group, this.#stores);
      }
    }
    this.#progress.waitFor([]);
    if (!stop.aborted) {
      this.#ready = true;
      this.#record();
      await this.#recording;
      process.stdout.write(`ready ${plan.entranceUrl} (${this.#progress.seconds} s)\n`);
    }
  }

  async untilStopped(): Promise<void> {
    const { stop } = this.#options;
    if (!stop.aborted) {
      // Holds the process open: children and timers of this run are unreferenced or may all be gone for a moment.
      const hold = setInterval(() => undefined, 60_000);
      await new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
      clearInterval(hold);
    }
  }

  async stop(): Promise<void> {
    this.#progress.waitFor([]);
    const { plan, forceStop, paths } = this.#options;
    const force = () => void Promise.all(this.#processes.map((service) => service.kill()));
    forceStop.addEventListener("abort", force, { once: true });
    for (const group of plan.stopGroups) {
      const stopping = this.#processes.filter(({ planned }) => group.includes(planned.definition.service));
      this.#progress.waitFor(stopping.map(({ name }) => `${name} to stop`));
      await Promise.all(stopping.map((service) => service.stop()));
    }
    this.#storeWatch.abort();
    this.#certificates?.stop();
    for (const store of this.#stores?.owned ?? []) {
      this.#progress.waitFor([`${store.kind} to stop`]);
      await store.stop();
    }
    this.#progress.waitFor([]);
    await this.#recording;
    await removeRunRecord(paths.runFile);
    if (this.#ready) {
      this.#progress.done("stopped");
    }
  }

  /** The services of a group start together; the first failure ends the start. */
  async #startGroup(group: readonly string[], stores: OpenStores): Promise<void> {
    const { plan, paths, env, startTimeoutMs, stopTimeoutMs, stop } = this.#options;
    const members = plan.processes
      .filter(({ definition }) => group.includes(definition.service))
      .map(
        (planned) =>
          new ServiceProcess({
            planned,
            env: { ...serviceEnv(env, planned, paths, stores), ...this.#certificates?.env },
            logDir: paths.logs,
            startTimeoutMs,
            stopTimeoutMs,
            show: (text) => this.#progress.print(text),
            onChange: () => this.#record(),
          }),
      );
    this.#processes.push(...members);
    const waiting = new Set(members);
    const showWaiting = () => this.#progress.waitFor([...waiting].map(({ name }) => name));
    showWaiting();
    const started = members.map(async (service) => {
      await service.start();
      waiting.delete(service);
      if (!stop.aborted) {
        this.#progress.done(service.name, `port ${service.planned.ports.grpc}, ${this.#progress.seconds} s`);
      }
      showWaiting();
    });
    await Promise.race([Promise.all(started), aborted(stop)]);
  }

  #watchStores(stores: OpenStores): void {
    const show = (text: string) => this.#progress.print(colors.yellow(text));
    for (const store of stores.owned) {
      void keepStoreRunning(store, this.#storeWatch.signal, show, () => this.#record());
    }
  }

  #record(): void {
    const { paths, plan } = this.#options;
    const stores = this.#stores;
    if (stores === undefined) {
      return;
    }
    const pidOf = (kind: string) => stores.owned.find((store) => store.kind === kind)?.pid ?? null;
    const { postgres, redis } = stores.running;
    const record: RunRecord = {
      up: identifyProcess(),
      startedAtMs: this.#startedAtMs,
      portOffset: paths.portOffset,
      address: plan.entranceUrl,
      logDir: paths.logs,
      stores: {
        redis: { ...redis, pid: pidOf("redis") },
        ...(postgres === undefined ? {} : { postgres: { ...postgres, pid: pidOf("postgres") } }),
      },
      services: this.#processes.map(({ planned, pid, logFile }) => ({
        service: planned.definition.service,
        instance: planned.instance,
        pid,
        healthPort: planned.ports.health,
        logFile,
      })),
    };
    this.#recording = this.#recording
      .then(() => writeRunRecord(paths.runFile, record))
      .catch((error: unknown) => this.#progress.note(`${paths.runFile} could not be written: ${String(error)}`));
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    }
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
