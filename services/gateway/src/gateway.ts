import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, Transport } from "@connectrpc/connect";
import type { TokenVerifier } from "@weft/auth/verifier";
import {
  type Clock,
  ensureTracing,
  type Listener,
  type Logger,
  type Metrics,
  type PubSub,
  type Random,
} from "@weft/mesh";
import type { GatewayConfig } from "./config.ts";
import { createConnectHandler } from "./connect/connect-handler.ts";
import { registerProxies } from "./grpc/proxy-routes.ts";
import { healthReport, type PeerState } from "./health/health-report.ts";
import { createClientAddress } from "./http/client-address.ts";
import { createCorsPolicy } from "./http/cors.ts";
import { createEdge } from "./http/edge.ts";
import { RequestCounter } from "./http/request-counter.ts";
import { securityHeaders } from "./http/security-headers.ts";
import { createUwsServer } from "./http/uws-server.ts";
import { createGatewayMetrics } from "./metrics.ts";
import { createRestRoutes } from "./rest/rest-routes.ts";
import { createAuthenticate, verifyBearer } from "./upstream/authenticate.ts";
import type { Upstream } from "./upstream/exposed-methods.ts";
import { createForwarder } from "./upstream/forwarder.ts";
import { createChannelAccess } from "./ws/channel-access.ts";
import { createHub } from "./ws/hub.ts";
import { LiveFeed } from "./ws/live-feed.ts";

/** What the gateway needs of the mesh; a `Mesh` and a verifier have it all. */
export interface GatewayDependencies {
  readonly upstreams: readonly Upstream[];
  readonly version: string;
  readonly transport: (service: DescService) => Transport;
  readonly peerState: PeerState;
  readonly verifier: Pick<TokenVerifier, "verify" | "onRevoked">;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How long a drain waits for requests in flight. */
  readonly drainTimeoutMs: number;
}

export interface Gateway {
  /** The public port: REST, Connect, gRPC-Web and WebSocket. */
  readonly listener: Listener;
  /** Native gRPC, for the mesh's own server. */
  routes(router: ConnectRouter): void;
  /** Takes no new connections, lets requests in flight finish in time, then says goodbye to WebSocket clients. */
  stopAccepting(): Promise<void>;
  /** Cuts what is left. */
  close(): Promise<void>;
}

/** Joins the parts of the gateway; nothing listens yet. */
export function createGateway(config: GatewayConfig, dependencies: GatewayDependencies): Gateway {
  const { upstreams, clock, random, logger, verifier, peerState } = dependencies;
  const { limits } = config;
  ensureTracing();
  const services = upstreams.flatMap((upstream) => upstream.services);
  const peers = upstreams.map(({ peer }) => peer);
  const metrics = createGatewayMetrics(dependencies.metrics);
  const requests = new RequestCounter();
  let draining = false;

  const forwarder = createForwarder({ ...dependencies, ...limits, authenticate: createAuthenticate(verifier) });
  const { bodyMaxBytes } = limits;
  const edge = {
    connect: createConnectHandler({ services, forwarder, bodyMaxBytes }),
    rest: createRestRoutes({
      services,
      forwarder,
      authenticateUser: async (headers) => {
        await verifyBearer(verifier, headers.get("authorization"));
      },
      bodyMaxBytes,
      logger,
    }),
    health: () => healthReport(peers, peerState, draining),
    cors: createCorsPolicy(config.corsOrigins),
    securityHeaders: securityHeaders(config),
    clientAddress: createClientAddress(config.trustedProxies),
    requests,
    bodyMaxBytes,
    version: dependencies.version,
    clock,
    random,
    logger,
    metrics,
  };
  const hub = createHub({
    limits,
    verifier,
    edge,
    access: createChannelAccess(forwarder),
    feed: new LiveFeed({ pubsub: dependencies.pubsub, logger, metrics }),
    clock,
    logger,
    metrics,
  });
  const server = createUwsServer(
    {
      handler: createEdge(edge),
      webSocket: hub.route,
      bodyMaxBytes,
      bodyTimeoutMs: limits.bodyTimeoutMs,
    },
    clock,
  );

  async function idleInTime(): Promise<void> {
    const late = new AbortController();
    const waited = clock.sleep(dependencies.drainTimeoutMs, late.signal).catch(() => undefined);
    await Promise.race([requests.idle(), waited]);
    late.abort();
    if (requests.inFlight > 0) {
      logger.warn({ inFlight: requests.inFlight }, "requests in flight did not end in time and are cut");
    }
  }

  return {
    listener: {
      listen: (port, host) => server.listen(host, port),
      close: async () => server.stopListening(),
    },
    routes: (router) => registerProxies(router, services, forwarder, { direct: true }),
    stopAccepting: async () => {
      draining = true;
      server.stopListening();
      await idleInTime();
      hub.drain();
    },
    close: async () => {
      await hub.close();
      server.close();
    },
  };
}
