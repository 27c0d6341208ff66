import type { DescMessage, DescMethodUnary, DescService, MessageShape } from "@bufbuild/protobuf";
import type { Client, Interceptor, Transport } from "@connectrpc/connect";
import type { Clock, Timer } from "../clock.ts";
import type { MeshConfig } from "../config/mesh-config.ts";
import { DeadlineWheel } from "../deadline-wheel.ts";
import { metricNames } from "../diagnostics.ts";
import { MeshError } from "../errors.ts";
import type { ServiceIdentity } from "../identity/identity.ts";
import { laneCounters } from "../lane/lane-counters.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { ConnectionBudget } from "../pool/connection-budget.ts";
import { Http2Connection } from "../pool/http2-connection.ts";
import { priorityOf } from "../pool/priority.ts";
import { type ScalerOptions, scalerDefaults } from "../pool/scaler.ts";
import { subsetOf, subsetSizes } from "../pool/subset.ts";
import type { Random } from "../random.ts";
import { InstanceCache } from "../registry/instance-cache.ts";
import { registryDefaults } from "../registry/redis-registry.ts";
import { endpointOf, type Instance, type Registry } from "../registry/registry.ts";
import { staticInstance } from "../registry/static-instances.ts";
import type { AttemptCounters, CallCore } from "./call-core.ts";
import { CallPath, type UnaryCallOptions } from "./call-path.ts";
import { asConnectError } from "./client-error.ts";
import type { HedgeOptions } from "./hedging.ts";
import { Peer } from "./peer.ts";
import { registerPeerMetrics } from "./peer-metrics.ts";
import { retryDefaults } from "./retry.ts";
import { RetryBudget } from "./retry-budget.ts";

/** A service that is called: which protobuf services it serves, and where its range begins. */
export interface PeerDeclaration {
  readonly services: readonly DescService[];
  /** For development without a registry: its first instance is expected here on the same host. */
  readonly basePort?: number;
  /** Around every call of this peer, outermost first. */
  readonly interceptors?: readonly Interceptor[];
  /** Deviations from the pool's defaults. */
  readonly pool?: Partial<ScalerOptions>;
  /** Sends slow idempotent calls a second time, to another instance; never when absent. */
  readonly hedge?: HedgeOptions;
  /** Over which time a new instance gets its full share of calls; 10 s when absent, 0 for at once. */
  readonly slowStartMs?: number;
}

export type PeerDeclarations = Readonly<Record<string, PeerDeclaration>>;

export interface PeersOptions {
  /** Tells processes apart when each connects to a part of a peer's instances. */
  readonly instanceId: string;
  readonly config: MeshConfig;
  /** Who this process is; undefined without mTLS. */
  readonly identity: ServiceIdentity | undefined;
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
  readonly #paths = new Map<string, CallPath>();
  readonly #attempts = new Map<string, AttemptCounters>();
  readonly #wheel: DeadlineWheel;
  readonly #peerOfService = new Map<string, string>();
  readonly #budget: ConnectionBudget;
  readonly #instances = new Map<string, readonly Instance[]>();
  readonly #sizes = new Map<string, number>();
  readonly #retryBudget: RetryBudget;
  readonly #known: Promise<void>;
  #stopWatching: () => void = () => undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#budget = new ConnectionBudget(options.config.maxConnections);
    this.#retryBudget = new RetryBudget();
    this.#wheel = new DeadlineWheel(options.clock);
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
      this.#paths.set(name, this.#createPath(peer, declaration));
      this.cache.watch(name, (instances) => this.#onInstances(name, instances));
    }
    this.#known = new Promise((resolve) => {
      this.#stopWatching = options.registry.watch((update) => {
        this.cache.apply(update);
        if (update.kind === "reset") {
          resolve();
        }
      });
    });
    registerPeerMetrics({
      metrics: options.metrics,
      clock: options.clock,
      registry: options.registry,
      budget: this.#budget,
      cache: this.cache,
      peers: this.#peers,
      attempts: this.#attempts,
    });
  }

  /** A typed client; calls go through discovery, balancing, pool and breaker. Throws PEER_UNDECLARED. */
  client<S extends DescService>(service: S): Client<S> {
    return this.#pathOf(service).client(service);
  }

  /** What `client` uses, for callers that work by reflection. Throws PEER_UNDECLARED. */
  transport(service: DescService): Transport {
    return this.#pathOf(service).transport;
  }

  /** A unary call by its descriptor. Rejects with a ConnectError; throws PEER_UNDECLARED. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    message: MessageShape<I>,
    options: UnaryCallOptions = {},
  ): Promise<MessageShape<O>> {
    return this.#pathOf(method.parent).call(method, message, options);
  }

  #pathOf(service: DescService): CallPath {
    const path = this.#paths.get(this.peerOf(service));
    if (path === undefined) {
      throw new MeshError("PEER_UNDECLARED", service.typeName);
    }
    return path;
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

  /** Resolves when the registry has said who is there, or after so long: a service starts without it, too. */
  async whenKnown(patienceMs: number): Promise<void> {
    if (this.#peers.size === 0) {
      return;
    }
    let timer: Timer | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = this.#options.clock.setTimer(resolve, patienceMs, { ref: true });
    });
    await Promise.race([this.#known, patience]);
    timer?.cancel();
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

  /**
   * Hands a peer its instances: all of them, or this process's part when all peers' minimum connections would exceed the
   * ceiling. One peer's growth may make another's part smaller.
   */
  #onInstances(name: string, instances: readonly Instance[]): void {
    this.#instances.set(name, instances);
    const names = [...this.#instances.keys()];
    const sizes = subsetSizes(
      Math.floor(this.#budget.limit * subsetShare),
      names.map((one) => ({
        instances: this.#instances.get(one)?.length ?? 0,
        minConnections: this.#options.peers[one]?.pool?.minConnections ?? scalerDefaults.minConnections,
        priority: priorityOf(one),
      })),
    );
    for (const [index, one] of names.entries()) {
      const known = this.#instances.get(one) ?? [];
      const size = sizes[index] ?? known.length;
      if (one === name || this.#sizes.get(one) !== size) {
        this.#sizes.set(one, size);
        this.#peers.get(one)?.update(subsetOf(known, size, this.#options.instanceId, endpointOf));
      }
    }
  }

  #createPeer(name: string, declaration: PeerDeclaration): Peer {
    const { clock, random, logger, metrics, config, identity } = this.#options;
    const scaled = metrics.counter(metricNames.poolScaleEvents);
    const connected = metrics.histogram(metricNames.poolConnectSeconds);
    const transitions = metrics.counter(metricNames.breakerTransitions);
    const ejections = metrics.counter(metricNames.outlierEjections);
    const fallbacks = metrics.counter(metricNames.laneFallbacks);
    const counters = laneCounters(metrics);
    return new Peer({
      name,
      clock,
      random,
      zone: config.zone,
      budget: this.#budget,
      connect: (instance, id) =>
        new Http2Connection({
          id,
          endpoint: endpointOf(instance),
          clock,
          dialAs: identity === undefined ? undefined : { identity, peer: name },
          laneCounters: counters,
          onFallback: () => fallbacks.inc({ peer: name }),
        }),
      priority: priorityOf(name),
      ...(declaration.pool === undefined ? {} : { scaler: declaration.pool }),
      ...(declaration.slowStartMs === undefined ? {} : { slowStartMs: declaration.slowStartMs }),
      onScale: (direction, reason, count) => {
        scaled.inc({ peer: name, direction, reason }, count);
        logger.debug({ peer: name, direction, reason, count }, "the pool changes its size");
      },
      onConnected: (durationMs) => connected.observe({ peer: name }, durationMs / 1000),
      onBreaker: (instance, group, { from, to, reason, detail }) => {
        transitions.inc({ peer: name, instance: instance.instanceId, group, to, reason });
        logger.warn(
          { peer: name, instance: instance.instanceId, group, from, to, reason, detail },
          "a circuit breaker changes its state",
        );
      },
      onEjection: (instance, ejection) => {
        ejections.inc({ peer: name, instance: instance.instanceId, reason: ejection.reason });
        logger.warn(
          { peer: name, instance: instance.instanceId, ...ejection },
          "an instance does worse than its peers",
        );
      },
    });
  }

  #createPath(peer: Peer, declaration: PeerDeclaration): CallPath {
    const { clock, random, metrics } = this.#options;
    const attempts = { ok: 0, failed: 0, retried: 0, budgetExhausted: 0, hedged: 0 };
    this.#attempts.set(peer.name, attempts);
    const core: CallCore = {
      peer,
      clock,
      random,
      wheel: this.#wheel,
      retry: retryDefaults,
      retryBudget: this.#retryBudget,
      attempts,
      asConnectError: (error, method) => asConnectError(error, peer.name, method),
    };
    return new CallPath({
      core,
      metrics,
      hedge: declaration.hedge,
      ...(declaration.interceptors === undefined ? {} : { interceptors: declaration.interceptors }),
    });
  }
}

/** Of the ceiling, what minimum connections may take: the rest is for pools to grow. */
const subsetShare = 0.8;

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
