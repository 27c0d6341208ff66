import { Balancer, type BalancerOptions, type Ejection } from "../balancer/balancer.ts";
import type { Outcome } from "../breaker/blame.ts";
import type { BreakerState, BreakerTransition } from "../breaker/breaker.ts";
import type { Clock } from "../clock.ts";
import { MeshError } from "../errors.ts";
import type { Connection } from "../pool/connection.ts";
import type { ConnectionBudget } from "../pool/connection-budget.ts";
import { Pool, type PoolOptions } from "../pool/pool.ts";
import type { Random } from "../random.ts";
import { endpointOf, type Instance } from "../registry/registry.ts";
import { Endpoint } from "./endpoint.ts";

/**
 * One service that this process calls: its instances as the registry tells them, and a pool for each. Which of them gets
 * an attempt the balancer decides; what an attempt tells about its instance it learns from `ended`. An attempt that
 * failed names its instance, so that the next one goes elsewhere.
 *
 * An instance is known by its address. When another process has taken the address, everything begins anew: connections,
 * breakers, latency.
 */
export interface PeerOptions extends Pick<BalancerOptions<Endpoint>, "breaker" | "outliers"> {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: ConnectionBudget;
  readonly connect: (instance: Instance, connectionId: number) => Connection;
  /** The zone of this process; "" for none, and then no instance is preferred. */
  readonly zone: string;
  /** When calls leave the zone. */
  readonly zoneSpill?: BalancerOptions<Endpoint>["zone"];
  /** Over which time a new or revived instance gets its full share; 10 s when absent, 0 for at once. */
  readonly slowStartMs?: number;
  readonly scaler?: PoolOptions["scaler"];
  readonly priority?: PoolOptions["priority"];
  readonly maxQueueDepth?: PoolOptions["maxQueueDepth"];
  readonly onScale?: PoolOptions["onScale"];
  readonly onConnected?: PoolOptions["onConnected"];
  readonly onBreaker?: (instance: Instance, group: string, transition: BreakerTransition) => void;
  readonly onEjection?: (instance: Instance, ejection: Ejection) => void;
}

export class Peer {
  readonly name: string;
  readonly #options: PeerOptions;
  readonly #balancer: Balancer<Endpoint>;
  readonly #byAddress = new Map<string, Endpoint>();

  constructor(options: PeerOptions) {
    const { random, breaker, outliers, zoneSpill, onBreaker, onEjection } = options;
    this.name = options.name;
    this.#options = options;
    this.#balancer = new Balancer({
      random,
      ...(breaker === undefined ? {} : { breaker }),
      ...(outliers === undefined ? {} : { outliers }),
      ...(zoneSpill === undefined ? {} : { zone: zoneSpill }),
      onTransition: ({ instance }, group, transition) => onBreaker?.(instance, group, transition),
      onEjection: ({ instance }, ejection) => onEjection?.(instance, ejection),
    });
  }

  /** What is known of the instances now; pools of those that are gone drain. */
  update(instances: readonly Instance[]): void {
    const named = new Map(instances.map((instance) => [endpointOf(instance), instance]));
    for (const [address, endpoint] of this.#byAddress) {
      const instance = named.get(address);
      if (instance === undefined || !isSameProcess(instance, endpoint)) {
        this.#byAddress.delete(address);
        this.#balancer.remove(endpoint);
        endpoint.pool.drain("the instance is gone");
      } else {
        this.#describe(endpoint, instance);
      }
    }
    for (const [address, instance] of named) {
      if (!this.#byAddress.has(address)) {
        this.#byAddress.set(address, this.#add(instance));
      }
    }
  }

  get endpoints(): readonly Endpoint[] {
    return this.#balancer.members;
  }

  /** How many instances are known, and how many of them would be tried. */
  state(): { readonly instances: number; readonly available: number } {
    const nowMs = this.#options.clock.monotonicMs();
    const { members } = this.#balancer;
    return {
      instances: members.length,
      available: members.filter((endpoint) => this.#balancer.isAvailable(endpoint, nowMs)).length,
    };
  }

  /** The state of each breaker of an instance; a group has one once a call of it has ended there. */
  breakerStates(endpoint: Endpoint): { readonly group: string; readonly state: BreakerState }[] {
    const nowMs = this.#options.clock.monotonicMs();
    return this.#balancer.breakersOf(endpoint).map(({ group, breaker }) => ({ group, state: breaker.state(nowMs) }));
  }

  /** Whether the instance is left out for doing worse than its peers. */
  isEjected(endpoint: Endpoint): boolean {
    return this.#options.clock.monotonicMs() < endpoint.ejectedUntilMs;
  }

  /**
   * Chooses where an attempt goes, if possible none of those to avoid, and counts it there until `ended`. Calls of one
   * group share a breaker. Throws NO_INSTANCES when none is known, NO_INSTANCE_AVAILABLE while breakers refuse all.
   */
  pick(group: string, avoid: readonly Endpoint[] | undefined, nowMs: number): Endpoint {
    const endpoint = this.#balancer.pick(group, avoid, nowMs);
    if (endpoint === undefined) {
      throw this.#byAddress.size === 0
        ? new MeshError("NO_INSTANCES", this.name)
        : new MeshError("NO_INSTANCE_AVAILABLE", `the circuit breakers of ${this.name} are open`);
    }
    return endpoint;
  }

  /** The attempt is over; `latencyMs` is the time since it was sent, or since it was picked when it was not sent. */
  ended(endpoint: Endpoint, group: string, outcome: Outcome, latencyMs: number, nowMs: number): void {
    this.#balancer.ended(endpoint, group, outcome, latencyMs, nowMs);
  }

  /** Whether an attempt that keeps away from these would meet an instance that is likely to answer. */
  hasOther(group: string, than: readonly Endpoint[], nowMs: number): boolean {
    return this.#balancer.hasOther(group, than, nowMs);
  }

  /** Lets calls in flight finish and closes every connection. */
  drain(): void {
    for (const endpoint of this.#byAddress.values()) {
      this.#balancer.remove(endpoint);
      endpoint.pool.drain("this process is stopping");
    }
    this.#byAddress.clear();
  }

  #add(instance: Instance): Endpoint {
    const { clock, random, budget, scaler, priority, maxQueueDepth, onScale, onConnected } = this.#options;
    const pool = new Pool({
      connect: (connectionId) => this.#options.connect(instance, connectionId),
      budget,
      clock,
      random,
      ...(scaler === undefined ? {} : { scaler }),
      ...(priority === undefined ? {} : { priority }),
      ...(maxQueueDepth === undefined ? {} : { maxQueueDepth }),
      ...(onScale === undefined ? {} : { onScale }),
      ...(onConnected === undefined ? {} : { onConnected }),
    });
    const endpoint = new Endpoint(instance, pool, clock.monotonicMs(), this.#options.slowStartMs);
    this.#describe(endpoint, instance);
    this.#balancer.add(endpoint);
    pool.start();
    return endpoint;
  }

  #describe(endpoint: Endpoint, instance: Instance): void {
    const { zone } = this.#options;
    endpoint.instance = instance;
    this.#balancer.describe(endpoint, {
      ready: instance.status === "ready" && instance.health === "healthy",
      draining: instance.status === "draining",
      local: zone === "" || instance.zone === zone,
    });
  }
}

/**
 * A record written by hand names an address only: which process is there, the connections know better. Without any, whoever
 * has registered since is met afresh: pauses after failed dials are about the time before it was there.
 */
function isSameProcess(instance: Instance, { instance: before, reachable }: Endpoint): boolean {
  if (instance.instanceId === before.instanceId) {
    return true;
  }
  return reachable && (instance.startedAtMs === 0 || before.startedAtMs === 0);
}
