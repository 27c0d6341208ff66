import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import type { Clock } from "../clock.ts";
import type { MeshConfig } from "../config/mesh-config.ts";
import { metricNames } from "../diagnostics.ts";
import { MeshError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics.ts";
import { ConnectionBudget } from "../pool/connection-budget.ts";
import { Http2Connection } from "../pool/http2-connection.ts";
import type { ScalerOptions } from "../pool/scaler.ts";
import type { Random } from "../random.ts";
import { InstanceCache } from "../registry/instance-cache.ts";
import { registryDefaults } from "../registry/redis-registry.ts";
import { endpointOf, type Instance, type Registry } from "../registry/registry.ts";
import { staticInstance } from "../registry/static-instances.ts";
import { codeName } from "../server/observe.ts";
import { createCallPath } from "./call-path.ts";
import { Peer } from "./peer.ts";
import { RetryBudget } from "./retry-budget.ts";

/** A service that is called: which protobuf services it serves, and where its range begins. */
export interface PeerDeclaration {
  readonly services: readonly DescService[];
  /** For development without a registry: its first instance is expected here on the same host. */
  readonly basePort?: number;
  /** Deviations from the pool's defaults. */
  readonly pool?: Partial<ScalerOptions>;
}

export type PeerDeclarations = Readonly<Record<string, PeerDeclaration>>;

export interface PeersOptions {
  readonly config: MeshConfig;
  readonly peers: PeerDeclarations;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Every peer that a process calls: one `Peer` per declared name, fed by the registry through the cache, and a transport
 * in front of it. Knows no transport detail beyond what a connection is made of.
 */
export class Peers {
  readonly cache: InstanceCache;
  readonly #options: PeersOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #transports = new Map<string, Transport>();
  readonly #peerOfService = new Map<string, string>();
  readonly #budget = new ConnectionBudget();
  readonly #retryBudget: RetryBudget;
  readonly #stopWatching: () => void;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#retryBudget = new RetryBudget({ clock: options.clock });
    this.cache = new InstanceCache({
      clock: options.clock,
      graceMs: registryDefaults.ttlMs,
      staticInstances: options.config.staticInstances,
      expectedInstances: expectedInstances(options.config, options.peers),
    });
    for (const [name, declaration] of Object.entries(options.peers)) {
      const peer = this.#createPeer(name, declaration);
      this.#peers.set(name, peer);
      for (const service of declaration.services) {
        this.#peerOfService.set(service.typeName, name);
      }
      this.#transports.set(name, this.#createTransport(peer));
      this.cache.watch(name, (instances) => peer.update(instances));
    }
    this.#stopWatching = options.registry.watch((update) => this.cache.apply(update));
    this.#registerMetrics();
  }

  /** A typed client; calls go through discovery, balancing, pool and breaker. Throws PEER_UNDECLARED. */
  client<S extends DescService>(service: S): Client<S> {
    return createClient(service, this.transport(service));
  }

  /** What `client` uses, for callers that work by reflection. Throws PEER_UNDECLARED. */
  transport(service: DescService): Transport {
    const transport = this.#transports.get(this.peerOf(service));
    if (transport === undefined) {
      throw new MeshError("PEER_UNDECLARED", service.typeName);
    }
    return transport;
  }

  /** The name of the peer that serves a protobuf service. Throws PEER_UNDECLARED. */
  peerOf(service: DescService): string {
    const name = this.#peerOfService.get(service.typeName);
    if (name === undefined) {
      const declared = [...this.#peerOfService.keys()].join(", ");
      throw new MeshError(
        "PEER_UNDECLARED",
        `${service.typeName}; declared are: ${declared === "" ? "none" : declared}`,
      );
    }
    return name;
  }

  /** How many instances of a peer are known, and how many of them would be called. */
  state(peerName: string): { readonly instances: number; readonly available: number } {
    return this.#peers.get(peerName)?.state() ?? { instances: 0, available: 0 };
  }

  get names(): readonly string[] {
    return [...this.#peers.keys()];
  }

  /** Lets calls in flight finish and closes every connection. */
  close(): void {
    this.#stopWatching();
    for (const peer of this.#peers.values()) {
      peer.drain();
    }
  }

  #createPeer(name: string, declaration: PeerDeclaration): Peer {
    const { clock, random, logger, metrics, config } = this.#options;
    const scaled = metrics.counter(metricNames.poolScaleEvents);
    const connected = metrics.histogram(metricNames.poolConnectSeconds);
    const transitions = metrics.counter(metricNames.breakerTransitions);
    return new Peer({
      name,
      clock,
      random,
      zone: config.zone,
      budget: this.#budget,
      connect: (instance, id) => new Http2Connection({ id, endpoint: endpointOf(instance), clock }),
      ...(declaration.pool === undefined ? {} : { scaler: declaration.pool }),
      onScale: (direction, reason, count) => {
        scaled.inc({ peer: name, direction, reason }, count);
        logger.debug({ peer: name, direction, reason, count }, "the pool changes its size");
      },
      onConnected: (durationMs) => connected.observe({ peer: name }, durationMs / 1000),
      onBreaker: (instance: Instance, to) => {
        transitions.inc({ peer: name, to });
        logger.warn({ peer: name, instance: instance.instanceId, to }, "a circuit breaker changes its state");
      },
    });
  }

  #createTransport(peer: Peer): Transport {
    const { clock, random, metrics } = this.#options;
    const calls = metrics.counter(metricNames.clientCalls);
    const seconds = metrics.histogram(metricNames.clientCallSeconds);
    const attempts = metrics.counter(metricNames.clientAttempts);
    const interceptors: Interceptor[] = [];
    return createCallPath({
      peer,
      clock,
      random,
      retryBudget: this.#retryBudget,
      interceptors,
      onCall: (method, code, durationMs) => {
        calls.inc({ peer: peer.name, method, code: code === undefined ? "ok" : codeName(code) });
        seconds.observe({ peer: peer.name, method }, durationMs / 1000);
      },
      onAttempt: (outcome) => attempts.inc({ peer: peer.name, outcome }),
    });
  }

  #registerMetrics(): void {
    const { metrics, clock, registry } = this.#options;
    const perEndpoint = (
      set: (peer: Peer, labels: Record<string, string>, endpoint: Peer["endpoints"][number]) => void,
    ) => {
      for (const peer of this.#peers.values()) {
        for (const endpoint of peer.endpoints) {
          set(peer, { peer: peer.name, instance: endpoint.instance.instanceId }, endpoint);
        }
      }
    };
    metrics.gauge(metricNames.poolConnections, (gauge) =>
      perEndpoint((_, labels, { pool }) => {
        for (const [state, count] of Object.entries(pool.counts())) {
          gauge.set({ ...labels, state }, count);
        }
      }),
    );
    metrics.gauge(metricNames.poolUtilization, (gauge) =>
      perEndpoint((_, labels, { pool }) => gauge.set(labels, pool.utilization)),
    );
    metrics.gauge(metricNames.poolQueueDepth, (gauge) =>
      perEndpoint((_, labels, { pool }) => gauge.set(labels, pool.queueDepth)),
    );
    metrics.gauge(metricNames.poolCallsPerSecond, (gauge) =>
      perEndpoint((_, labels, { pool }) => gauge.set(labels, pool.callsPerSecond)),
    );
    metrics.gauge(metricNames.poolLatencySeconds, (gauge) =>
      perEndpoint((_, labels, { latency }) => gauge.set(labels, latency.valueMs(clock.monotonicMs()) / 1000)),
    );
    metrics.gauge(metricNames.breakerState, (gauge) =>
      perEndpoint((_, labels, { breaker }) =>
        gauge.set(labels, { admitting: 0, probing: 1, ejected: 2 }[breaker.state]),
      ),
    );
    metrics.gauge(metricNames.connectionsOpen, (gauge) => gauge.set(this.#budget.allocated));
    metrics.gauge(metricNames.registryInstances, (gauge) => {
      for (const { service, standing, count } of this.cache.counts()) {
        gauge.set({ service, standing }, count);
      }
    });
    metrics.gauge(metricNames.registryUp, (gauge) => gauge.set(registry.live ? 1 : 0));
  }
}

/** In development a declared base port says where the first instance of a peer is expected. */
function expectedInstances(config: MeshConfig, peers: PeerDeclarations): ReadonlyMap<string, readonly Instance[]> {
  const instances = new Map<string, readonly Instance[]>();
  if (config.development) {
    for (const [name, { basePort }] of Object.entries(peers)) {
      if (basePort !== undefined) {
        instances.set(name, [staticInstance(name, config.advertisedHost, basePort + config.portOffset)]);
      }
    }
  }
  return instances;
}
