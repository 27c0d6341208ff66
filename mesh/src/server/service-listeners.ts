import { createServer, type ServerResponse } from "node:http";
import type { DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { type ConnectRouter, createConnectRouter, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { Clock } from "../clock.ts";
import { errorDetailRegistry } from "../error-details.ts";
import { MeshError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics.ts";
import type { Random } from "../random.ts";
import { createRestListener } from "../rest/node-rest-listener.ts";
import { createRestHandler } from "../rest/rest-handler.ts";
import { createH2cServer, type H2cServer } from "./h2c-server.ts";
import { answerHealth, type HealthMonitor, healthRoutes } from "./health.ts";
import { trackHttp1 } from "./http1-drain.ts";
import { observe } from "./observe.ts";
import { type Listener, serverListener } from "./ports.ts";
import { reflectionRoutes } from "./reflection.ts";
import type { ServiceParts } from "./service.ts";
import { validate } from "./validate.ts";

/*
 * The four listeners of a service, from its routes: RPC in every protocol, HTTP with REST, metrics, health. REST calls run
 * through the very handlers and interceptors that RPCs do, in memory, so that a rule holds for both.
 */

/** What one message may hold; the same that callers accept as an answer. */
const maxMessageBytes = 16 * 1024 * 1024;

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
}

export function createServiceListeners({
  parts,
  health,
  metrics,
  clock,
  random,
  logger,
}: ServiceListenersOptions): ServiceListeners {
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
