import { Breaker, type BreakerOptions, type BreakerState } from "../breaker/breaker.ts";
import type { Clock } from "../clock.ts";
import { MeshError } from "../errors.ts";
import type { Connection } from "../pool/connection.ts";
import type { ConnectionBudget } from "../pool/connection-budget.ts";
import { pickOfTwo } from "../pool/p2c.ts";
import { PeakEwma } from "../pool/peak-ewma.ts";
import { Pool } from "../pool/pool.ts";
import type { ScaleReason, ScalerOptions } from "../pool/scaler.ts";
import type { Random } from "../random.ts";
import { endpointOf, type Instance } from "../registry/registry.ts";

/**
 * One service that this process calls: its instances as the registry tells them, a pool and a breaker for each, and the
 * choice between them.
 *
 * An instance is tried when it says it is ready and healthy, its breaker admits, and its pool is not known to be
 * unreachable; among those the less loaded of two (latency × calls in flight) gets the call. When none qualifies, any
 * that is not draining is tried rather than failing for sure: health reports can be wrong, and a probe is cheap. An
 * attempt that failed names its instance, so that the next one goes elsewhere.
 */
export interface PeerOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: ConnectionBudget;
  readonly connect: (instance: Instance, connectionId: number) => Connection;
  readonly zone: string;
  readonly scaler?: Partial<ScalerOptions>;
  readonly breaker?: Omit<BreakerOptions, "onTransition">;
  readonly maxQueueDepth?: number;
  readonly onScale?: (direction: "up" | "down", reason: ScaleReason, count: number) => void;
  readonly onConnected?: (durationMs: number) => void;
  readonly onBreaker?: (instance: Instance, to: BreakerState) => void;
}

/** An instance with what it takes to call it. */
export interface Endpoint {
  instance: Instance;
  readonly pool: Pool;
  readonly breaker: Breaker;
  readonly latency: PeakEwma;
  /** Attempts that chose this instance and have not ended. */
  assigned: number;
}

export class Peer {
  readonly name: string;
  readonly #options: PeerOptions;
  readonly #endpoints = new Map<string, Endpoint>();

  constructor(options: PeerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** What is known of the instances now; pools of those that are gone drain. */
  update(instances: readonly Instance[]): void {
    const named = new Map(instances.map((instance) => [endpointOf(instance), instance]));
    for (const [address, endpoint] of this.#endpoints) {
      const instance = named.get(address);
      // Another process at the same address: its connections, its breaker and its latency are new.
      if (instance === undefined || !mayBeSameProcess(instance, endpoint.instance)) {
        this.#endpoints.delete(address);
        endpoint.breaker.close();
        endpoint.pool.drain("the instance is gone");
      } else {
        endpoint.instance = instance;
      }
    }
    for (const [address, instance] of named) {
      if (!this.#endpoints.has(address)) {
        this.#endpoints.set(address, this.#endpoint(instance));
      }
    }
  }

  get endpoints(): readonly Endpoint[] {
    return [...this.#endpoints.values()];
  }

  /** How many instances are known, and how many of them would be tried. */
  state(): { readonly instances: number; readonly available: number } {
    return { instances: this.#endpoints.size, available: this.endpoints.filter(isAvailable).length };
  }

  /** Whether an attempt that keeps away from these would meet an instance that is likely to answer. */
  hasOther(than: ReadonlySet<Endpoint>): boolean {
    return this.endpoints.some((endpoint) => isAvailable(endpoint) && !than.has(endpoint));
  }

  /** Chooses where an attempt goes, and counts it there until `done`. Throws NO_INSTANCES when none is known. */
  pick(avoid: ReadonlySet<Endpoint>): Endpoint {
    const all = this.endpoints;
    if (all.length === 0) {
      throw new MeshError("NO_INSTANCES", this.name);
    }
    const available = all.filter(isAvailable);
    const fresh = available.filter((endpoint) => !avoid.has(endpoint));
    const candidates = firstNonEmpty([
      fresh.filter((endpoint) => endpoint.instance.zone === this.#options.zone),
      fresh,
      available,
      all.filter((endpoint) => endpoint.instance.status !== "draining" && !avoid.has(endpoint)),
      all,
    ]);
    const nowMs = this.#options.clock.monotonicMs();
    const load = (endpoint: Endpoint): number => endpoint.latency.valueMs(nowMs) * (endpoint.assigned + 1);
    const picked = pickOfTwo(candidates, load, this.#options.random) as Endpoint;
    picked.assigned += 1;
    return picked;
  }

  /** The attempt has ended. */
  done(endpoint: Endpoint): void {
    endpoint.assigned -= 1;
  }

  /** Lets calls in flight finish and closes every connection. */
  drain(): void {
    for (const endpoint of this.#endpoints.values()) {
      endpoint.breaker.close();
      endpoint.pool.drain("this process is stopping");
    }
    this.#endpoints.clear();
  }

  #endpoint(instance: Instance): Endpoint {
    const { clock, random, budget, scaler, maxQueueDepth, onScale, onConnected } = this.#options;
    const endpoint: Endpoint = {
      instance,
      pool: new Pool({
        connect: (connectionId) => this.#options.connect(instance, connectionId),
        budget,
        clock,
        random,
        ...(scaler === undefined ? {} : { scaler }),
        ...(maxQueueDepth === undefined ? {} : { maxQueueDepth }),
        ...(onScale === undefined ? {} : { onScale }),
        ...(onConnected === undefined ? {} : { onConnected }),
      }),
      breaker: new Breaker({ ...this.#options.breaker, onTransition: (to) => this.#options.onBreaker?.(instance, to) }),
      latency: new PeakEwma(clock.monotonicMs()),
      assigned: 0,
    };
    endpoint.pool.start();
    return endpoint;
  }
}

/** A record written by hand names an address only: which process is there, the connections know better. */
function mayBeSameProcess(one: Instance, other: Instance): boolean {
  return one.instanceId === other.instanceId || one.startedAtMs === 0 || other.startedAtMs === 0;
}

function isAvailable(endpoint: Endpoint): boolean {
  return (
    endpoint.instance.status === "ready" &&
    endpoint.instance.health === "healthy" &&
    endpoint.breaker.admits &&
    endpoint.pool.available
  );
}

function firstNonEmpty<T>(lists: readonly (readonly T[])[]): readonly T[] {
  return lists.find((list) => list.length > 0) ?? [];
}
