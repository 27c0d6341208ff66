import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { DescService } from "@bufbuild/protobuf";
import {
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
  createRouterTransport,
  type Interceptor,
} from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Health } from "@weft/proto/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "@weft/proto/grpc/reflection/v1/reflection_pb.ts";
import { LaneService } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import { createRestHandler, invokeThrough } from "@weft/transcoding";
import { createRestListener } from "@weft/transcoding/node";
import { Admission } from "../admission/admission.ts";
import { admissionObserver, showAdmission } from "../admission/admission-metrics.ts";
import { type AdmissionOptions, resolveAdmissionOptions } from "../admission/admission-options.ts";
import { admitting } from "../admission/admitting.ts";
import { correlationIdFrom } from "../call-context.ts";
import type { Clock } from "../clock.ts";
import { errorDetailRegistry } from "../error-details.ts";
import { admitsAnyone, type CallerPolicy } from "../identity/authorization.ts";
import { callerOf } from "../identity/caller.ts";
import { type CallerGate, callerKey, createCallerGate } from "../identity/caller-gate.ts";
import type { ServiceIdentity } from "../identity/identity.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Random } from "../random.ts";
import { maxMessageBytes } from "./grpc-call.ts";
import { createH2cServer, type H2cServer } from "./h2c-server.ts";
import { answerHealth, type HealthMonitor, healthRoutes } from "./health.ts";
import { trackHttp1 } from "./http1-drain.ts";
import { observe } from "./observe.ts";
import { peerAddressKey } from "./peer-address.ts";
import { type Listener, serverListener } from "./ports.ts";
import { reflectionRoutes } from "./reflection.ts";
import { createRpcServer } from "./rpc-server.ts";
import type { ServiceParts } from "./service.ts";
import { validate } from "./validate.ts";

/*
 * The four listeners of a service, from its routes: RPC in every protocol, HTTP with REST, metrics, health. REST calls run
 * through the very handlers and interceptors that RPCs do, in memory, so that a rule holds for both.
 */

/** The listeners, not open yet. */
export interface ServiceListeners {
  readonly services: readonly DescService[];
  readonly all: Readonly<Record<"grpc" | "http" | "metrics" | "health", Listener>>;
  /** Lets calls in flight finish. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  destroy(): void;
}

export interface ServiceListenersOptions {
  readonly parts: ServiceParts;
  readonly health: HealthMonitor;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Who this service is; undefined without mTLS. */
  readonly identity: ServiceIdentity | undefined;
  readonly callers: CallerPolicy | undefined;
  readonly development: boolean;
  /** 0 for never. */
  readonly maxConnectionAgeMs: number;
  readonly admission?: AdmissionOptions | false;
}

export function createServiceListeners(options: ServiceListenersOptions): ServiceListeners {
  const { parts, health, metrics, clock, random, logger, callers } = options;
  const services = servicesOf(parts.routes);
  const gate = createCallerGate({
    policy: callers,
    services,
    ownServices: [LaneService, Health, ServerReflection],
    identified: options.identity !== undefined,
    development: options.development,
    clock,
    logger,
    metrics,
  });
  // Those that take anyone, foreign clients too, cannot ask for our certificates: TLS ends in front of them.
  const identity = admitsAnyone(callers) ? undefined : options.identity;
  const admission = new Admission(resolveAdmissionOptions(options.admission), {
    clock,
    random,
    observer: admissionObserver(metrics),
  });
  showAdmission(admission, metrics);
  const fast = createRpcServer({
    routes: parts.routes,
    interceptors: parts.interceptors ?? [],
    clock,
    random,
    logger,
    metrics,
    admission,
    authorization: gate,
    callerOf: ({ session }) => (session === undefined ? undefined : callerOf(session)),
  });
  admission.priorities.assertMethods(fast.methods);
  const seen = observe({ clock, random, logger, metrics, load: fast.load });
  const inside = [validate(), ...(parts.interceptors ?? [])];
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
      interceptors: [
        seen,
        ...(gate === undefined ? [] : [gate.interceptor()]),
        admitting(admission, clock, (service) => service === Health.typeName || service === ServerReflection.typeName),
        ...inside,
      ],
      contextValues: ({ socket }) =>
        createContextValues().set(callerKey, callerOf(socket)).set(peerAddressKey, socket.remoteAddress),
      readMaxBytes: maxMessageBytes,
      shutdownTimeoutMs: 0,
    } as Parameters<typeof connectNodeAdapter>[0]) as Parameters<typeof createH2cServer>[0],
    fast.onStream,
    { identity, age: { maxMs: options.maxConnectionAgeMs, clock, random, onOld: (session) => fast.drain(session) } },
  );
  const rest = createRestListener(restHandler(services, parts.routes, [seen, ...inside], gate, random), {
    callerOf: (request) => callerOf(request.socket),
  });
  const http = createHttpFront((request, response) => {
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
  }, identity);
  const metricsServer = createMetricsServer(metrics, logger);
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
      http: http.listener,
      metrics: serverListener(metricsServer),
      health: cuttingListener(healthServer),
    },
    drain: async () => {
      fast.drain();
      await Promise.all([rpc.drain(), http.drain()]);
    },
    destroy: () => {
      fast.close();
      admission.close();
      rpc.destroy();
      healthServer.destroy();
      http.destroy();
      metricsServer.close();
      metricsServer.closeAllConnections();
    },
  };
}

/** The HTTP port: plain HTTP/1.1, or with an identity the same over mTLS, so that REST is no way around the policy. */
function createHttpFront(
  handler: RequestListener,
  identity: ServiceIdentity | undefined,
): { readonly listener: Listener; drain(): Promise<void>; destroy(): void } {
  if (identity !== undefined) {
    const server = createH2cServer(handler, undefined, { identity, protocols: ["http/1.1"] });
    return { listener: cuttingListener(server), drain: () => server.drain(), destroy: () => server.destroy() };
  }
  const server = createServer(handler);
  const tracked = trackHttp1(server);
  return {
    listener: serverListener(server),
    drain: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      tracked.begin();
      return closed;
    },
    destroy: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function createMetricsServer(metrics: Metrics, logger: Logger): Server {
  return createServer((request, response) => {
    if ((request.url ?? "").split("?", 1)[0] !== "/metrics") {
      answerJson(response, 404, { code: "not_found", message: "metrics are at /metrics", details: [] });
      return;
    }
    metrics.render(request.headers.accept).then(
      ({ contentType, text }) => {
        response.writeHead(200, { "content-type": contentType, vary: "accept" });
        response.end(text);
      },
      (error: unknown) => {
        logger.error({ err: error }, "metrics could not be rendered");
        answerJson(response, 500, { code: "internal", message: "metrics could not be rendered", details: [] });
      },
    );
  });
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
  gate: CallerGate | undefined,
  random: Random,
) {
  const call = invokeThrough(createRouterTransport(routes, { router: { interceptors } }));
  return createRestHandler({
    services,
    registry: errorDetailRegistry,
    correlationId: (headers) => correlationIdFrom(headers.get("x-correlation-id"), () => random.id()),
    invoke: async (method, message, context) => {
      const { caller } = context;
      const name = `${method.parent.typeName}/${method.name}`;
      if (gate !== undefined && !gate.allows(name, caller)) {
        throw gate.refusal(name, caller);
      }
      return call(method, message, context);
    },
  });
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
