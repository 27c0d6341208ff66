/*
 * Who is alive. A registry keeps one record per instance (DISC-02) and tells changes; a cache in front of it (see
 * instance-cache.ts) answers the callers, so that no call ever waits for Redis.
 */

/** Where one running instance of a service is, and how it says it is doing. */
export interface Instance {
  /** The service's name: "auth-service". */
  readonly name: string;
  /** Unique per start of a process, so that a restarted instance is never taken for the old one. */
  readonly instanceId: string;
  readonly version: string;
  readonly address: string;
  /** Named ports: grpc, http, metrics, health, and others. */
  readonly ports: Readonly<Record<string, number>>;
  readonly status: "starting" | "ready" | "draining";
  readonly health: "healthy" | "unhealthy";
  /** Full names of the protobuf services it serves. */
  readonly services: readonly string[];
  readonly zone: string;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  /** Epoch milliseconds of the last heartbeat. */
  readonly timestamp: number;
}

/** A change of what is known: everything at once, or one instance. */
export type RegistryUpdate =
  | { readonly kind: "reset"; readonly instances: readonly Instance[] }
  | { readonly kind: "add"; readonly instance: Instance }
  | { readonly kind: "remove"; readonly name: string; readonly instanceId: string };

/** Keeps one record alive until it is withdrawn. */
export interface Registration {
  /** Changes what the record says, and tells everybody at once. */
  update(change: Partial<Pick<Instance, "status" | "health">>): Promise<void>;
  /** Withdraws the record, and tells everybody at once. Never throws: an unreachable registry forgets by itself. */
  deregister(): Promise<void>;
}

/** The store of records. Methods never throw because the registry is away; they catch up when it is back. */
export interface Registry {
  register(instance: Instance): Promise<Registration>;
  /** Tells all that is known, then every change. Returns a function that ends it. */
  watch(listener: (update: RegistryUpdate) => void): () => void;
  /** Whether the store answered last time. */
  readonly live: boolean;
  close(): Promise<void>;
}

/** "host:port" of the instance's gRPC listener, which identifies it for a caller; IPv6 addresses stand in brackets. */
export function endpointOf(instance: Instance): string {
  const { address } = instance;
  const host = address.includes(":") && !address.startsWith("[") ? `[${address}]` : address;
  return `${host}:${instance.ports.grpc ?? 0}`;
}
