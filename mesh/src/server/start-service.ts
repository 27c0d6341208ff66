import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { type ConnectRouter, createConnectRouter, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { PeerDeclarations } from "../client/peers.ts";
import { type Clock, systemClock } from "../clock.ts";
import { loadMeshConfig } from "../config/mesh-config.ts";
import { errorDetailRegistry } from "../error-details.ts";
import { MeshError } from "../errors.ts";
import { createLogger, type Logger } from "../logger.ts";
import { Metrics } from "../metrics.ts";
import { type Random, systemRandom } from "../random.ts";
import type { Instance, Registration } from "../registry/registry.ts";
import { createRestListener } from "../rest/node-rest-listener.ts";
import { createRestHandler } from "../rest/rest-handler.ts";
import { ensureTracing } from "../tracing.ts";
import { createH2cServer, type H2cServer } from "./h2c-server.ts";
import { answerHealth, HealthMonitor, type HealthReport, healthRoutes } from "./health.ts";
import { trackHttp1 } from "./http1-drain.ts";
import { type Mesh, MeshRuntime } from "./mesh.ts";
import { observe } from "./observe.ts";
import { type Listener, openPorts, serverListener, standardPorts } from "./ports.ts";
import { reflectionRoutes } from "./reflection.ts";
import { validate } from "./validate.ts";

/*
 * One call makes a service: configuration, handles, the service's own set-up, four listeners, registration; and on a
 * signal the drain, in this order: leave the registry, stop accepting, finish the calls in flight, close pools and
 * handles, exit (MESH-09). A second signal ends at once.
 */

export interface ServiceOptions {
  /** The name in the registry: "auth-service". */
  readonly name: string;
  readonly version: string;
  /** First port of the service's range. */
  readonly basePort: number;
  /** Named ports and their offsets in an instance's block; grpc 0, http 1, metrics 2, health 3 when absent. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Size of an instance's block; 4 when absent. */
  readonly portsPerInstance?: number;
  /** Which services this one calls; others cannot be called (MESH-21). */
  readonly peers?: PeerDeclarations;
  /** Makes the service from its handles; no port is open yet. */
  readonly setup: (mesh: Mesh) => Promise<ServiceParts> | ServiceParts;
  /** The process's environment when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Whether SIGTERM and SIGINT drain and end the process; true when absent. */
  readonly handleSignals?: boolean;
}

export interface ServiceParts {
  /** Registers the service's RPCs: served as gRPC, Connect and gRPC-Web, and as REST where google.api.http says so. */
  readonly routes: (router: ConnectRouter) => void;
  /** Run after the mesh's own, for RPC and REST alike. */
  readonly interceptors?: Interceptor[];
  /** Readiness: each rejects while its dependency cannot be used. */
  readonly checks?: Readonly<Record<string, () => Promise<unknown>>>;
  /** Further HTTP on the http port; resolves to false to leave a request to the REST routes. */
  readonly http?: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;
  /** Listeners of the service's own for further named ports. */
  readonly listeners?: Readonly<Record<string, Listener>>;
  /** After the ports are open and the instance is registered. */
  readonly ready?: () => Promise<void> | void;
  /** First step of the drain: take no new work of your own. */
  readonly stopAccepting?: () => Promise<void>;
  /** Last step: close what `setup` opened. */
  readonly close?: () => Promise<void>;
}

export interface RunningService {
  readonly mesh: Mesh;
  readonly instance: Instance;
  readonly health: HealthMonitor;
  /** Drains and closes; resolves when all is closed. Repeating it waits for the same end. */
  stop(): Promise<void>;
}

/** How long a start waits for Redis. */
const redisPatienceMs = 2000;

export async function startService(options: ServiceOptions): Promise<RunningService> {
  ensureTracing();
  const env = options.env ?? process.env;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const offsets = options.ports ?? standardPorts;
  const config = loadMeshConfig(env, Object.keys(offsets));
  const instanceId = `${options.name}-${config.instanceIndex ?? "x"}-${random.id().slice(0, 8)}`;
  const logger =
    options.logger ??
    createLogger({ service: options.name, instanceId, version: options.version, level: config.logLevel });
  const metrics = new Metrics({ service: options.name, instance: instanceId }, { runtime: true });
  const mesh = new MeshRuntime({
    service: options.name,
    instanceId,
    version: options.version,
    config,
    env,
    peers: options.peers ?? {},
    logger,
    clock,
    random,
    metrics,
  });

  let parts: ServiceParts | undefined;
  let health: HealthMonitor | undefined;
  let listeners: Listeners | undefined;
  let registration: Registration | undefined;
  try {
    // A service starts without Redis too, but most starts find it within milliseconds and are quieter for it.
    await mesh.redis.whenReady(redisPatienceMs);
    parts = await options.setup(mesh);
    health = new HealthMonitor({ clock, checks: parts.checks ?? {} });
    listeners = serve({ parts, health, metrics, clock, random, logger });
    const opened = await openPorts(
      {
        basePort: options.basePort,
        portOffset: config.portOffset,
        offsets,
        portsPerInstance: options.portsPerInstance ?? 4,
        overrides: config.portOverrides,
      },
      config.instanceIndex,
      { ...listeners.all, ...parts.listeners },
      config.host,
    );
    mesh.ports = opened.ports;
    await health.start();
    const instance: Instance = {
      name: options.name,
      instanceId,
      version: options.version,
      address: config.advertisedHost,
      ports: opened.ports,
      status: "ready",
      health: health.report.status === "ready" ? "healthy" : "unhealthy",
      services: listeners.services.map((service) => service.typeName),
      zone: config.zone,
      startedAtMs: clock.now(),
      timestamp: clock.now(),
    };
    registration = await mesh.registry.register(instance);
    announceHealth(health, registration, logger);
    await parts.ready?.();
    logger.info({ ports: opened.ports, instanceIndex: opened.index }, "service is ready");
    const service = running({
      mesh,
      instance,
      health,
      registration,
      listeners,
      parts,
      drainTimeoutMs: config.drainTimeoutMs,
    });
    if (options.handleSignals ?? true) {
      endOnSignals(service, logger);
    }
    return service;
  } catch (error) {
    await registration?.deregister();
    listeners?.destroy();
    health?.close();
    mesh.closePeers();
    await Promise.all(ownListeners(parts).map((one) => one.close()));
    await step("close", logger, parts?.close);
    await mesh.close();
    throw error;
  }
}

/** The service's own listeners; those that are not open have nothing to close. */
function ownListeners(parts: ServiceParts | undefined): readonly Listener[] {
  return Object.values(parts?.listeners ?? {});
}

/** Tells the registry every change, and what has changed while the record was being written. */
function announceHealth(health: HealthMonitor, registration: Registration, logger: Logger): void {
  const announce = ({ status }: HealthReport): void =>
    void registration.update({ health: status === "ready" ? "healthy" : "unhealthy" });
  health.onChange((report) => {
    logger.info({ status: report.status, checks: report.checks }, "health changed");
    announce(report);
  });
  announce(health.report);
}

/** Runs a step of the service's own: whatever it does wrong, the steps after it are taken. */
async function step(name: string, logger: Logger, work: (() => Promise<void>) | undefined): Promise<void> {
  try {
    await work?.();
  } catch (error) {
    logger.error({ err: error, step: name }, "a step of the drain failed");
  }
}

/** What one message may hold; the same that callers accept as an answer. */
const maxMessageBytes = 16 * 1024 * 1024;

interface Listeners {
  readonly services: readonly DescService[];
  readonly all: Readonly<Record<"grpc" | "http" | "metrics" | "health", Listener>>;
  /** Lets calls in flight finish. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  destroy(): void;
}

interface ServeOptions {
  readonly parts: ServiceParts;
  readonly health: HealthMonitor;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

function serve({ parts, health, metrics, clock, random, logger }: ServeOptions): Listeners {
  const services = servicesOf(parts.routes);
  const interceptors = [observe({ clock, random, logger, metrics }), validate(), ...(parts.interceptors ?? [])];
  const health1 = healthRoutes(
    health,
    services.map((service) => service.typeName),
  );
  const reflection = reflectionRoutes(services);
  const rpc = createH2cServer(
    connectNodeAdapter({
      routes: (router) => {
        parts.routes(router);
        health1(router);
        reflection(router);
      },
      interceptors,
      readMaxBytes: maxMessageBytes,
      shutdownTimeoutMs: 0,
    } as Parameters<typeof connectNodeAdapter>[0]) as Parameters<typeof createH2cServer>[0],
  );
  const rest = createRestListener(restHandler(services, parts.routes, interceptors));
  const http = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (answerHealth(health, request, response) || (await parts.http?.(request, response)) === true) {
        return;
      }
      if (!(await rest(request, response))) {
        answerJson(response, 404, { code: "not_found", message: "there is nothing at this path", details: [] });
      }
    };
    answer().catch((error: unknown) => {
      logger.error({ err: error, path: (request.url ?? "").split("?", 1)[0] }, "an HTTP request failed");
      answerJson(response, 500, { code: "internal", message: "internal error", details: [] });
    });
  });
  const httpDrain = trackHttp1(http);
  const metricsServer = createServer((request, response) => {
    if ((request.url ?? "").split("?", 1)[0] !== "/metrics") {
      answerJson(response, 404, { code: "not_found", message: "metrics are at /metrics", details: [] });
      return;
    }
    metrics.render().then(
      (text) => {
        response.writeHead(200, { "content-type": metrics.registry.contentType });
        response.end(text);
      },
      (error: unknown) => {
        logger.error({ err: error }, "metrics could not be rendered");
        answerJson(response, 500, { code: "internal", message: "metrics could not be rendered", details: [] });
      },
    );
  });
  const healthRpc = connectNodeAdapter({ routes: health1, readMaxBytes: maxMessageBytes });
  const healthServer: H2cServer = createH2cServer((request, response) => {
    if (!answerHealth(health, request, response)) {
      healthRpc(request, response);
    }
  });
  return {
    services,
    all: {
      grpc: cuttingListener(rpc),
      http: serverListener(http),
      metrics: serverListener(metricsServer),
      health: cuttingListener(healthServer),
    },
    drain: async () => {
      const httpClosed = new Promise<void>((resolve) => http.close(() => resolve()));
      httpDrain.begin();
      await Promise.all([rpc.drain(), httpClosed]);
    },
    destroy: () => {
      rpc.destroy();
      healthServer.destroy();
      for (const server of [http, metricsServer]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

/** Closing it when a block could not be opened must not wait for a peer that was quick to connect. */
function cuttingListener(server: H2cServer): Listener {
  const listener = serverListener(server.server);
  return {
    listen: listener.listen,
    close: () => {
      const closed = listener.close();
      server.destroy();
      return closed;
    },
  };
}

/** Which services `routes` registers, found out by registering them. */
function servicesOf(routes: (router: ConnectRouter) => void): readonly DescService[] {
  const router = createConnectRouter();
  routes(router);
  return [...new Set(router.handlers.map((handler) => handler.service))];
}

/** REST calls run through the same handlers and interceptors as RPCs, in memory. */
function restHandler(
  services: readonly DescService[],
  routes: (router: ConnectRouter) => void,
  interceptors: Interceptor[],
) {
  const transport = createRouterTransport(routes, { router: { interceptors } });
  return createRestHandler({
    services,
    registry: errorDetailRegistry,
    invoke: async (method, message, { headers, signal }) => {
      if (method.methodKind !== "unary") {
        throw new MeshError("PROTOCOL_ERROR", `${method.name} streams and has no REST form`);
      }
      const answer = await transport.unary(method as DescMethodUnary, signal, undefined, callHeaders(headers), message);
      return { message: answer.message, headers: answer.header };
    },
  });
}

/** Headers that describe the HTTP body are not the call's. */
function callHeaders(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of [
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "host",
    "accept-encoding",
  ]) {
    kept.delete(name);
  }
  return kept;
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

interface RunningOptions {
  readonly mesh: MeshRuntime;
  readonly instance: Instance;
  readonly health: HealthMonitor;
  readonly registration: Registration;
  readonly listeners: Listeners;
  readonly parts: ServiceParts;
  readonly drainTimeoutMs: number;
}

function running({
  mesh,
  instance,
  health,
  registration,
  listeners,
  parts,
  drainTimeoutMs,
}: RunningOptions): RunningService {
  let stopping: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    health.drain();
    await registration.deregister();
    await step("stopAccepting", mesh.logger, parts.stopAccepting);
    const late = new AbortController();
    const inTime = await Promise.race([
      Promise.all([listeners.drain(), ...ownListeners(parts).map((one) => one.close())]).then(() => true),
      mesh.clock.sleep(drainTimeoutMs, late.signal).then(
        () => false,
        () => false,
      ),
    ]);
    late.abort();
    if (!inTime) {
      mesh.logger.warn({ drainTimeoutMs }, "calls in flight did not end in time and are cut");
    }
    listeners.destroy();
    health.close();
    mesh.closePeers();
    await step("close", mesh.logger, parts.close);
    await mesh.close();
    mesh.logger.info("service has stopped");
  };
  return {
    mesh,
    instance,
    health,
    stop: () => {
      stopping ??= drain();
      return stopping;
    },
  };
}

function endOnSignals(service: RunningService, logger: Logger): void {
  let asked = false;
  const end = (why: string): void => {
    if (asked) {
      process.exit(1);
    }
    asked = true;
    logger.info({ why }, "draining");
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.fatal({ err: error }, "the drain failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", () => end("SIGTERM"));
  process.on("SIGINT", () => end("SIGINT"));
  // Started by a supervisor over IPC: without it nobody would ever end this process.
  process.on("disconnect", () => end("the supervisor is gone"));
}
