import type { IncomingMessage, ServerResponse } from "node:http";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "@weft/proto/grpc/health/v1/health_pb.ts";
import type { Clock, Timer } from "../clock.ts";

/**
 * How a service is doing: alive (the process answers), and ready (it is started, not draining, and every check passes).
 * Checks run on a beat of their own, so that probes cost nothing and a hanging dependency cannot hang a probe; listeners
 * hear every change at once, which is how the registry learns it (DISC-09).
 */
export interface HealthCheckResult {
  readonly ok: boolean;
  readonly error?: string;
  readonly durationMs: number;
}

export interface HealthReport {
  readonly status: "ready" | "starting" | "draining" | "unready";
  readonly checks: Readonly<Record<string, HealthCheckResult>>;
}

export interface HealthOptions {
  readonly clock: Clock;
  readonly checks: Readonly<Record<string, () => Promise<unknown>>>;
  /** Pause between runs of the checks; 2 s when absent. */
  readonly intervalMs?: number;
  /** A check that takes longer has failed; 1.5 s when absent. */
  readonly timeoutMs?: number;
}

export class HealthMonitor {
  readonly #options: HealthOptions;
  readonly #listeners = new Set<(report: HealthReport) => void>();
  #phase: "starting" | "serving" | "draining" = "starting";
  #results: Record<string, HealthCheckResult> = {};
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  get report(): HealthReport {
    const healthy = Object.values(this.#results).every((result) => result.ok);
    const status = this.#phase === "serving" ? (healthy ? "ready" : "unready") : this.#phase;
    return { status, checks: this.#results };
  }

  /** Runs the checks once and then on their beat; from now on the service is ready whenever they pass. */
  async start(): Promise<void> {
    await this.#run();
    this.#phase = "serving";
    this.#tell();
  }

  /** From now on the service is not ready, whatever the checks say. */
  drain(): void {
    this.#phase = "draining";
    this.#tell();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#listeners.clear();
  }

  onChange(listener: (report: HealthReport) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #run(): Promise<void> {
    const before = JSON.stringify(this.#standing());
    const entries = Object.entries(this.#options.checks);
    const results = await Promise.all(entries.map(async ([name, check]) => [name, await this.#check(check)] as const));
    this.#results = Object.fromEntries(results);
    if (this.#closed) {
      return;
    }
    if (this.#phase !== "starting" && before !== JSON.stringify(this.#standing())) {
      this.#tell();
    }
    this.#timer = this.#options.clock.setTimer(() => void this.#run(), this.#options.intervalMs ?? 2000);
  }

  async #check(check: () => Promise<unknown>): Promise<HealthCheckResult> {
    const { clock, timeoutMs = 1500 } = this.#options;
    const startedAtMs = clock.monotonicMs();
    let timer: Timer | undefined;
    try {
      await Promise.race([
        check(),
        new Promise((_, reject) => {
          timer = clock.setTimer(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
        }),
      ]);
      return { ok: true, durationMs: Math.round(clock.monotonicMs() - startedAtMs) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { ok: false, error: message, durationMs: Math.round(clock.monotonicMs() - startedAtMs) };
    } finally {
      timer?.cancel();
    }
  }

  #standing(): Record<string, boolean> {
    return Object.fromEntries(Object.entries(this.#results).map(([name, result]) => [name, result.ok]));
  }

  #tell(): void {
    const report = this.report;
    for (const listener of this.#listeners) {
      listener(report);
    }
  }
}

/** GET /livez, /readyz and /healthz. Returns whether the request was one of them. */
export function answerHealth(monitor: HealthMonitor, request: IncomingMessage, response: ServerResponse): boolean {
  const path = (request.url ?? "").split("?", 1)[0];
  if (path !== "/livez" && path !== "/readyz" && path !== "/healthz") {
    return false;
  }
  const report = monitor.report;
  const status = path === "/readyz" && report.status !== "ready" ? 503 : 200;
  const body = JSON.stringify(path === "/livez" ? { status: "alive" } : report);
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(request.method === "HEAD" ? undefined : body);
  return true;
}

/** Serves grpc.health.v1 for the whole server ("") and for each of its services. */
export function healthRoutes(monitor: HealthMonitor, services: readonly string[]): (router: ConnectRouter) => void {
  const statusOf = (service: string): Serving => {
    if (service !== "" && !services.includes(service)) {
      throw new ConnectError(`${service} is not served here`, Code.NotFound);
    }
    return monitor.report.status === "ready" ? Serving.SERVING : Serving.NOT_SERVING;
  };
  return (router) => {
    router.service(Health, {
      check: (request) => ({ status: statusOf(request.service) }),
      list: () => ({
        statuses: Object.fromEntries(["", ...services].map((service) => [service, { status: statusOf(service) }])),
      }),
      async *watch(request, context) {
        const known = request.service === "" || services.includes(request.service);
        let last: Serving | undefined;
        while (!context.signal.aborted) {
          // Listened for before it is read: a change while the answer is on its way must not be missed.
          const changed = nextChange(monitor, context.signal);
          const draining = monitor.report.status === "draining";
          const status = known ? statusOf(request.service) : Serving.SERVICE_UNKNOWN;
          if (status !== last) {
            last = status;
            yield { status };
          }
          if (draining) {
            // A watcher would hold the drain up; it has heard the last there is to say.
            return;
          }
          await changed;
        }
      },
    });
  };
}

function nextChange(monitor: HealthMonitor, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      off();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const off = monitor.onChange(end);
    signal.addEventListener("abort", end, { once: true });
  });
}
