import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DescMessage, DescMethodUnary, DescService, MessageShape } from "@bufbuild/protobuf";
import type { Client, Transport } from "@connectrpc/connect";
import type { ChannelLog } from "../channels/channel-log.ts";
import { createRedisChannelLog } from "../channels/redis-channel-log.ts";
import type { UnaryCallOptions } from "../client/call-path.ts";
import { type PeerDeclarations, Peers } from "../client/peers.ts";
import type { Clock } from "../clock.ts";
import type { MeshConfig } from "../config/mesh-config.ts";
import { metricNames } from "../diagnostics.ts";
import { MeshError } from "../errors.ts";
import type { ServiceIdentity } from "../identity/identity.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Database } from "../postgres/database.ts";
import { openDatabase } from "../postgres/open-database.ts";
import type { PubSub } from "../pubsub/pubsub.ts";
import { createRedisPubSub } from "../pubsub/redis-pubsub.ts";
import { createRedisQueue } from "../queue/redis-queue.ts";
import type { WorkQueue } from "../queue/work-queue.ts";
import type { Random } from "../random.ts";
import { openRedis, type RedisHandles } from "../redis/redis-connection.ts";
import { RedisRegistry } from "../registry/redis-registry.ts";
import type { Registry } from "../registry/registry.ts";
import { randomSecret } from "../secrets/random-secret.ts";
import { createSecrets, type Secrets } from "../secrets/secrets.ts";
import { declaredChannels, declaredPubSub, type Uses } from "./uses.ts";

/**
 * What a service holds of the mesh: typed clients to its declared peers, and the building blocks that a sidecar would
 * offer (pub/sub, queues, state, secrets, jobs), all on this process's own handles.
 */
export interface Mesh {
  readonly service: string;
  readonly instanceId: string;
  readonly version: string;
  readonly config: MeshConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly development: boolean;
  readonly host: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly registry: Registry;
  readonly redis: RedisHandles;
  readonly pubsub: PubSub;
  /** Live channels that can be recovered; what `pubsub` may publish and hear, this may publish and read. */
  readonly channels: ChannelLog;
  readonly secrets: Secrets;
  /** The named ports of this instance; empty until they are open. */
  readonly ports: Readonly<Record<string, number>>;
  /** A typed client to a declared peer. Throws PEER_UNDECLARED. */
  client<S extends DescService>(service: S): Client<S>;
  /** What `client` uses, for callers that work by reflection. Throws PEER_UNDECLARED. */
  transport(service: DescService): Transport;
  /**
   * A unary call to a declared peer by its descriptor, at less cost than through `transport`. Rejects with a ConnectError;
   * throws PEER_UNDECLARED.
   */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    message: MessageShape<I>,
    options?: UnaryCallOptions,
  ): Promise<MessageShape<O>>;
  /** The name of the peer that serves a protobuf service. Throws PEER_UNDECLARED. */
  peerOf(service: DescService): string;
  /** How many instances of a peer are known, and how many of them would be called. */
  peerState(peerName: string): { readonly instances: number; readonly available: number };
  /** A durable work queue on Redis; the same handle for the same name. */
  queue(name: string): WorkQueue;
  /** The service's schema of PostgreSQL, migrated. Throws CONFIG_INVALID without DATABASE_URL. */
  openDatabase(options: {
    readonly schema: string;
    readonly migrationsDir?: URL;
    readonly maxConnections?: number;
  }): Promise<Database>;
}

export interface MeshRuntimeOptions {
  readonly service: string;
  readonly instanceId: string;
  readonly version: string;
  readonly config: MeshConfig;
  /** Who this process is; undefined without mTLS. */
  readonly identity: ServiceIdentity | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly peers: PeerDeclarations;
  readonly uses: Uses | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
}

/** The handles behind a `Mesh`, opened in the order of MESH-07 (pools, queue, subscriptions) and closed in reverse. */
export class MeshRuntime implements Mesh {
  readonly service: string;
  readonly instanceId: string;
  readonly version: string;
  readonly config: MeshConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly registry: Registry;
  readonly redis: RedisHandles;
  readonly pubsub: PubSub;
  readonly channels: ChannelLog;
  readonly secrets: Secrets;
  ports: Readonly<Record<string, number>> = {};
  readonly #peers: Peers;
  readonly #queues = new Map<string, WorkQueue>();

  constructor(options: MeshRuntimeOptions) {
    const { config, logger, clock, random, metrics } = options;
    this.service = options.service;
    this.instanceId = options.instanceId;
    this.version = options.version;
    this.config = config;
    this.env = options.env;
    this.logger = logger;
    this.clock = clock;
    this.random = random;
    this.metrics = metrics;
    if (config.redisUrl === undefined) {
      throw new MeshError(
        "CONFIG_INVALID",
        "REDIS_URL is required; `weft up` starts a Redis and sets it, or use redis://127.0.0.1:6379",
      );
    }
    this.redis = openRedis({ url: config.redisUrl, logger, clientName: options.instanceId, clock, random });
    const failures = metrics.counter(metricNames.registryFailures);
    this.registry = new RedisRegistry({
      redis: this.redis,
      clock,
      random,
      logger,
      onFailure: (operation) => failures.inc({ operation }),
    });
    this.#peers = new Peers({
      instanceId: options.instanceId,
      config,
      identity: options.identity,
      peers: options.peers,
      registry: this.registry,
      clock,
      random,
      logger,
      metrics,
    });
    this.pubsub = declaredPubSub(createRedisPubSub({ redis: this.redis, logger }), options.uses);
    this.channels = declaredChannels(createRedisChannelLog({ redis: this.redis, random }), options.uses);
    this.secrets = createSecrets({
      environment: options.env,
      development: config.development,
      ...(config.dataDir === undefined
        ? {}
        : {
            generatedDir: join(config.dataDir, "secrets", options.service),
            generate: () => randomSecret(),
          }),
    });
  }

  get development(): boolean {
    return this.config.development;
  }

  get host(): string {
    return this.config.host;
  }

  client<S extends DescService>(service: S): Client<S> {
    return this.#peers.client(service);
  }

  transport(service: DescService): Transport {
    return this.#peers.transport(service);
  }

  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    message: MessageShape<I>,
    options?: UnaryCallOptions,
  ): Promise<MessageShape<O>> {
    return this.#peers.call(method, message, options);
  }

  peerOf(service: DescService): string {
    return this.#peers.peerOf(service);
  }

  peerState(peerName: string): { readonly instances: number; readonly available: number } {
    return this.#peers.state(peerName);
  }

  queue(name: string): WorkQueue {
    const queue =
      this.#queues.get(name) ??
      createRedisQueue({ name, redis: this.redis, clock: this.clock, random: this.random, logger: this.logger });
    this.#queues.set(name, queue);
    return queue;
  }

  openDatabase(options: { schema: string; migrationsDir?: URL; maxConnections?: number }): Promise<Database> {
    if (this.config.databaseUrl === undefined) {
      throw new MeshError("CONFIG_INVALID", "DATABASE_URL is required; `weft up` starts a PostgreSQL and sets it");
    }
    return openDatabase({
      connectionString: this.config.databaseUrl,
      schema: options.schema,
      logger: this.logger,
      applicationName: this.instanceId,
      ...(options.migrationsDir === undefined ? {} : { migrationsDir: fileURLToPath(options.migrationsDir) }),
      ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
    });
  }

  /** Resolves when it is known where the peers are, or after so long. */
  whenPeersKnown(patienceMs: number): Promise<void> {
    return this.#peers.whenKnown(patienceMs);
  }

  /** Closes the pools; calls in flight finish. */
  closePeers(): void {
    this.#peers.close();
  }

  /** Closes everything that is left. */
  async close(): Promise<void> {
    await this.pubsub.close();
    await this.registry.close();
    await this.redis.close();
  }
}
