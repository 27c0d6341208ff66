import type { Redis } from "ioredis";

/*
 * The registry as the command line sees it: the records that instances keep in Redis, read and written without taking
 * part in the mesh. Records may come from other versions or from a person's hand, so only name, id, address and ports
 * are demanded; a record that cannot be read is reported, not skipped in silence.
 */

/** One instance, as it describes itself. */
export interface InstanceRecord {
  readonly name: string;
  readonly instanceId: string;
  readonly version: string;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly status: "starting" | "ready" | "draining";
  readonly health: "healthy" | "unhealthy";
  /** Full names of the protobuf services it serves. */
  readonly services: readonly string[];
  readonly zone: string;
  readonly startedAtMs: number;
  /** Last heartbeat, epoch milliseconds. */
  readonly timestamp: number;
}

const registryKeys = {
  index: "services:index",
  changes: "services:changes",
  record: (name: string, instanceId: string) => `services:${name}:${instanceId}`,
} as const;

export interface RegistryContents {
  /** By name, then by id. */
  readonly instances: readonly InstanceRecord[];
  /** Keys of records that could not be read. */
  readonly unreadable: readonly string[];
}

/** Reads every record. Index entries whose record has expired are left out. */
export async function readRegistry(redis: Redis): Promise<RegistryContents> {
  const members = await redis.zrange(registryKeys.index, "0", "-1");
  if (members.length === 0) {
    return { instances: [], unreadable: [] };
  }
  const keys = members.map((member) => {
    const slash = member.indexOf("/");
    return registryKeys.record(member.slice(0, slash), member.slice(slash + 1));
  });
  const texts = await redis.mget(...keys);
  const instances: InstanceRecord[] = [];
  const unreadable: string[] = [];
  for (const [index, text] of texts.entries()) {
    if (text === null) {
      continue;
    }
    const record = parseRecord(text);
    if (record === undefined) {
      unreadable.push(keys[index] ?? "");
    } else {
      instances.push(record);
    }
  }
  instances.sort((a, b) => a.name.localeCompare(b.name) || a.instanceId.localeCompare(b.instanceId));
  return { instances, unreadable };
}

/** Writes a record with its time to live, lists it, and tells everybody at once. */
export async function writeRecord(redis: Redis, record: InstanceRecord, ttlMs: number): Promise<void> {
  await redis
    .multi()
    .set(registryKeys.record(record.name, record.instanceId), JSON.stringify(record), "PX", ttlMs)
    .zadd(registryKeys.index, String(record.timestamp), `${record.name}/${record.instanceId}`)
    .publish(registryKeys.changes, JSON.stringify({ kind: "add", instance: record }))
    .exec();
}

/** Withdraws a record and tells everybody at once. */
export async function removeRecord(redis: Redis, name: string, instanceId: string): Promise<void> {
  await redis
    .multi()
    .del(registryKeys.record(name, instanceId))
    .zrem(registryKeys.index, `${name}/${instanceId}`)
    .publish(registryKeys.changes, JSON.stringify({ kind: "remove", name, instanceId }))
    .exec();
}

/** A record from its JSON, with what may be missing filled in; undefined when it is none. */
function parseRecord(text: string): InstanceRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { name, instanceId, address, ports, ...rest } = value as Partial<InstanceRecord>;
  if (typeof name !== "string" || typeof instanceId !== "string" || typeof address !== "string") {
    return undefined;
  }
  if (typeof ports !== "object" || ports === null) {
    return undefined;
  }
  const defaults = { version: "", zone: "", services: [], startedAtMs: 0, timestamp: 0 };
  return { ...defaults, status: "ready", health: "healthy", ...rest, name, instanceId, address, ports };
}
