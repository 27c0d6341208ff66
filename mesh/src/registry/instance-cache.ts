import type { Clock } from "../clock.ts";
import { endpointOf, type Instance, type RegistryUpdate } from "./registry.ts";

/**
 * What callers know of the instances of all services; answers at once, without asking anybody.
 *
 * An instance that says goodbye is gone at once. One that merely is not listed any more is kept for a grace: a wiped or
 * restarted Redis looks exactly like a mesh without instances, and live ones register again within a heartbeat; one
 * that really died is avoided meanwhile because its connections are gone. While nothing at all is known of a service,
 * its static instances are used (DISC-08). Of two records for one address the younger is right: the elder's process
 * cannot still hold the port.
 */
export interface InstanceCacheOptions {
  readonly clock: Clock;
  /** How long an instance is kept that is no longer listed. The record's TTL: by then a live one is back. */
  readonly graceMs: number;
  readonly staticInstances: ReadonlyMap<string, readonly Instance[]>;
  /** Where instances are expected while the registry has never answered; forgotten with its first answer. */
  readonly expectedInstances?: ReadonlyMap<string, readonly Instance[]>;
}

interface Entry {
  instance: Instance;
  /** Monotonic time since which the registry does not list it; undefined while it does. */
  unlistedSinceMs: number | undefined;
}

export type InstanceListener = (instances: readonly Instance[]) => void;

export class InstanceCache {
  readonly #options: InstanceCacheOptions;
  readonly #entries = new Map<string, Map<string, Entry>>();
  readonly #listeners = new Map<string, Set<InstanceListener>>();
  #answered = false;

  constructor(options: InstanceCacheOptions) {
    this.#options = options;
  }

  /** The instances of a service that a caller may try, best knowledge first; empty when nothing is known. */
  discover(name: string): readonly Instance[] {
    const youngest = new Map<string, Instance>();
    for (const { instance } of this.#entries.get(name)?.values() ?? []) {
      // Without a gRPC port it may be worth showing, but nobody can call it.
      if (instance.ports.grpc === undefined) {
        continue;
      }
      const known = youngest.get(endpointOf(instance));
      if (known === undefined || known.startedAtMs < instance.startedAtMs) {
        youngest.set(endpointOf(instance), instance);
      }
    }
    if (youngest.size > 0) {
      return [...youngest.values()];
    }
    const expected = this.#answered ? undefined : this.#options.expectedInstances?.get(name);
    return this.#options.staticInstances.get(name) ?? expected ?? [];
  }

  /** Calls back now and whenever the instances of a service change. Returns a function that ends it. */
  watch(name: string, listener: InstanceListener): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    listener(this.discover(name));
    return () => listeners.delete(listener);
  }

  apply(update: RegistryUpdate): void {
    switch (update.kind) {
      case "add":
        this.#put(update.instance);
        this.#tell(update.instance.name);
        break;
      case "remove":
        if (this.#entries.get(update.name)?.delete(update.instanceId) ?? false) {
          this.#tell(update.name);
        }
        break;
      case "reset":
        this.#reset(update.instances);
        break;
    }
  }

  /** Forgets what has been unlisted for longer than the grace. Called at every full read. */
  expire(): void {
    const now = this.#options.clock.monotonicMs();
    for (const [name, entries] of this.#entries) {
      let changed = false;
      for (const [id, entry] of entries) {
        if (entry.unlistedSinceMs !== undefined && now - entry.unlistedSinceMs >= this.#options.graceMs) {
          entries.delete(id);
          changed = true;
        }
      }
      if (changed) {
        this.#tell(name);
      }
    }
  }

  /** How many instances are known, by service and standing; for metrics. */
  counts(): { service: string; standing: "listed" | "kept" | "static"; count: number }[] {
    const rows: { service: string; standing: "listed" | "kept" | "static"; count: number }[] = [];
    for (const [service, entries] of this.#entries) {
      const kept = [...entries.values()].filter((entry) => entry.unlistedSinceMs !== undefined).length;
      rows.push(
        { service, standing: "listed", count: entries.size - kept },
        { service, standing: "kept", count: kept },
      );
    }
    for (const [service, instances] of this.#options.staticInstances) {
      if ((this.#entries.get(service)?.size ?? 0) === 0) {
        rows.push({ service, standing: "static", count: instances.length });
      }
    }
    return rows;
  }

  #reset(instances: readonly Instance[]): void {
    const now = this.#options.clock.monotonicMs();
    const listed = new Set(instances.map((instance) => instance.instanceId));
    const changed = new Set<string>(this.#answered ? [] : this.#options.expectedInstances?.keys());
    this.#answered = true;
    for (const [name, entries] of this.#entries) {
      for (const [id, entry] of entries) {
        if (!listed.has(id) && entry.unlistedSinceMs === undefined) {
          entry.unlistedSinceMs = now;
          changed.add(name);
        }
      }
    }
    for (const instance of instances) {
      if (this.#put(instance)) {
        changed.add(instance.name);
      }
    }
    this.expire();
    for (const name of changed) {
      this.#tell(name);
    }
  }

  /** Returns whether callers see a difference. */
  #put(instance: Instance): boolean {
    const entries = this.#entries.get(instance.name) ?? new Map<string, Entry>();
    this.#entries.set(instance.name, entries);
    const known = entries.get(instance.instanceId);
    entries.set(instance.instanceId, { instance, unlistedSinceMs: undefined });
    return (
      known === undefined ||
      known.unlistedSinceMs !== undefined ||
      known.instance.status !== instance.status ||
      known.instance.health !== instance.health ||
      endpointOf(known.instance) !== endpointOf(instance)
    );
  }

  #tell(name: string): void {
    const instances = this.discover(name);
    for (const listener of this.#listeners.get(name) ?? []) {
      listener(instances);
    }
  }
}
