import { Member } from "../balancer/member.ts";
import type { Pool } from "../pool/pool.ts";
import type { Instance } from "../registry/registry.ts";

/** An instance with what it takes to call it: its pool, and what the balancer knows of it. */
export class Endpoint extends Member {
  instance: Instance;
  readonly pool: Pool;

  constructor(instance: Instance, pool: Pool, nowMs: number, slowStartMs?: number) {
    super(nowMs, slowStartMs);
    this.instance = instance;
    this.pool = pool;
  }

  get reachable(): boolean {
    return this.pool.available;
  }
}
