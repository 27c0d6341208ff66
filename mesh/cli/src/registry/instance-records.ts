import { type Instance, parseInstance, registryKeys } from "@weft/mesh/registry";
import type { Redis } from "ioredis";

/*
 * The registry as the command line sees it: the records that instances keep in Redis, read and written without taking
 * part in the mesh. A record that cannot be read is reported, not skipped in silence.
 */

export interface RegistryContents {
  /** By name, then by id. */
  readonly instances: readonly Instance[];
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
  const instances: Instance[] = [];
  const unreadable: string[] = [];
  for (const [index, text] of texts.entries()) {
    if (text === null) {
      continue;
    }
    const record = parseInstance(text);
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
export async function writeRecord(redis: Redis, record: Instance, ttlMs: number): Promise<void> {
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
