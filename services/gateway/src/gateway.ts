import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, Transport } from "@connectrpc/connect";
import type { ApiKeyExchange, TokenVerifier } from "@weft/auth/verifier";
import {
  type ChannelLog,
  type Clock,
  ensureTracing,
  type Listener,
  type Logger,
  type Mesh,
  type Metrics,
  type PubSub,
  type Random,
} from "@weft/mesh";
import type { GatewayConfig } from "./config.ts";
import { createConnectHandler } from "./connect/connect-handler.ts";
import { createApiDocument } from "./docs/api-document.ts";
import { createApiPages } from "./docs/api-pages.ts";
import { addressOfDirect, registerProxies } from "./grpc/proxy-routes.ts";
import { healthReport, type PeerState } from "./health/health-report.ts";
import { createClientAddress } from "./http/client-address.ts";
import { createCorsPolicy } from "./http/cors.ts";
import { createEdge, type OwnRoute } from "./http/edge.ts";
import { fieldBlock } from "./http/header-lists.ts";
import type { TlsSource } from "./http/http-server.ts";
import { RequestCounter } from "./http/request-counter.ts";
import { securityHeaders } from "./http/security-headers.ts";
import { createUwsServer } from "./http/uws-server.ts";
import { createGatewayMetrics } from "./metrics.ts";
import { createRestRoutes } from "./rest/rest-routes.ts";
import { BackendShares } from "./traffic/backend-shares.ts";
import { createCallGate } from "./traffic/call-gate.ts";
import { createRateLimitPolicies, type RateLimitPolicy } from "./traffic/rate-limit-policies.ts";
import type { RateLimitStore } from "./traffic/rate-limit-store.ts";
import { RateLimiter } from "./traffic/rate-limiter.ts";
import { createReads } from "./traffic/reads.ts";
import { createAuthenticate } from "./upstream/authenticate.ts";
import { createVerifyCredential } from "./upstream/credentials.ts";
import { exposedMethods, type Upstream } from "./upstream/exposed-methods.ts";
import { createForwarder } from "./upstream/forwarder.ts";
import { createChannelAccess } from "./ws/channel-access.ts";
import { createClientPublisher } from "./ws/client-publisher.ts";
import { createHub } from "./ws/hub.ts";
import { LiveFeed } from "./ws/live-feed.ts";
import { Presence } from "./ws/presence.ts";
import type { PresenceStore } from "./ws/presence-store.ts";
import { RecoverableFeed } from "./ws/recoverable-feed.ts";
import { createSseRoute, ssePath } from "./ws/sse-route.ts";
import { createTicketRoute, ticketPath } from "./ws/ticket-route.ts";
import type { TicketStore } from "./ws/ticket-store.ts";
import { createTickets } from "./ws/tickets.ts";

/** What the gateway needs of the mesh; a `Mesh` and a verifier have it all. */
export interface GatewayDependencies {
  readonly upstreams: readonly Upstream[];
  readonly version: string;
  readonly call: Mesh["call"];
  readonly transport: (service: DescService) => Transport;
  readonly peerState: PeerState;
  readonly verifier: Pick<TokenVerifier, "verify" | "onRevoked"> & Partial<Pick<TokenVerifier, "known">>;
  readonly apiKeys: ApiKeyExchange;
  readonly pubsub: PubSub;
  readonly channels: ChannelLog;
  /** Where all gateways count calls together. */
  readonly rateLimits: RateLimitStore;
  /** Who is in a channel, over all gateways. */
  readonly presence: PresenceStore;
  /** Where tickets for connections wait, for all gateways together. */
  readonly tickets: TicketStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The certificate of the public port, where the configuration names one. */
  readonly tls?: TlsSource;
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

  const limiter = new RateLimiter({
    store: dependencies.rateLimits,
    clock,
    logger,
    storeTimeoutMs: limits.rateLimitTimeoutMs,
    onLocal: () => metrics.countedAlone.inc(),
  });
  const onRefused = ({ name }: RateLimitPolicy) => metrics.rateLimited.inc({ policy: name });
  const verify = createVerifyCredential(verifier, dependencies.apiKeys);
  const gate = createCallGate({
    authenticate: createAuthenticate(verify, (token) => verifier.known?.(token)),
    limiter,
    policyOf: createRateLimitPolicies(exposedMethods(services), config.rateLimits),
    onRefused,
  });
  const tickets = createTickets({ store: dependencies.tickets, metrics });
  const clientAddress = createClientAddress(config.trustedProxies);
  const direct = { addressOf: addressOfDirect(clientAddress) };
  const reads = createReads(clock, { maxBytes: limits.cacheMaxBytes });
  const shares = new BackendShares(limits.backendInFlight, (peer) => metrics.shed.inc({ peer }));
  const forwarder = createForwarder({ ...dependencies, ...limits, gate, reads, shares });
  const { bodyMaxBytes } = limits;
  const ownRoutes = new Map<string, OwnRoute>();
  const edge = {
    connect: createConnectHandler({ services, forwarder, bodyMaxBytes }),
    rest: createRestRoutes({
      services,
      forwarder,
      bodyMaxBytes,
      logger,
    }),
    answerHeaders: forwarder.answerHeaders,
    cacheControl: forwarder.cacheControl,
    apiPages: createApiPages(() => createApiDocument(services, dependencies.version)),
    ownRoutes,
    health: () => healthReport(peers, peerState, draining),
    cors: createCorsPolicy(config.corsOrigins),
    securityHeaders: fieldBlock(securityHeaders(config)),
    clientAddress,
    requests,
    bodyMaxBytes,
    version: dependencies.version,
    clock,
    random,
    logger,
    metrics,
  };
  const feed = new LiveFeed({ pubsub: dependencies.pubsub, logger, metrics });
  const checkIntervalMs = limits.positionCheckIntervalMs;
  const following = { log: dependencies.channels, clock, random, logger, metrics, checkIntervalMs };
  const hub = createHub({
    limits,
    verifier,
    verify,
    tickets,
    edge,
    access: createChannelAccess(forwarder),
    feed,
    recoverable: new RecoverableFeed({ feed, ...following }),
    presence: new Presence({ store: dependencies.presence, pubsub: dependencies.pubsub, clock, logger, metrics }),
    publisher: createClientPublisher({
      pubsub: dependencies.pubsub,
      limiter,
      onRefused,
      metrics,
      userPerSecond: limits.publishesPerUserPerSecond,
      channelPerSecond: limits.publishesPerChannelPerSecond,
    }),
    clock,
    random,
    logger,
    metrics,
  });
  ownRoutes.set(ticketPath, createTicketRoute({ tickets, verify, limiter, onRefused }));
  ownRoutes.set(ssePath, createSseRoute({ hub, clock, channelsPerConnection: limits.channelsPerConnection }));
  const server = createUwsServer(
    {
      handler: createEdge(edge),
      webSocket: hub.route,
      bodyMaxBytes,
      bodyTimeoutMs: limits.bodyTimeoutMs,
      sendTimeoutMs: limits.sendTimeoutMs,
      sharePort: config.sharePort,
      tls: dependencies.tls,
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
    routes: (router) => registerProxies(router, services, forwarder, { direct }),
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
