import type { Instance, RegistryUpdate } from "./registry.ts";

/*
 * The form of the registry in Redis: keys, records and notices. The command line reads and writes it too, without taking
 * part in the mesh, so it is exported by itself ("@weft/mesh/registry"). Records and notices come from other processes, other versions, and people's hands, so nothing is
 * believed: what is no record is refused here, before it can disturb a caller.
 */

export type { Instance } from "./registry.ts";

/** Where the registry keeps what, and tells of changes. */
export const registryKeys = {
  index: "services:index",
  changes: "services:changes",
  record: (name: string, instanceId: string) => `services:${name}:${instanceId}`,
  summary: (name: string) => `services:${name}`,
} as const;

/** A record as it stands in Redis; undefined when it is none. */
export function parseInstance(text: string | null): Instance | undefined {
  if (text === null) {
    return undefined;
  }
  try {
    return instanceFrom(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A notice of a change; undefined when it is none. */
export function parseNotice(text: string): RegistryUpdate | undefined {
  try {
    const value = JSON.parse(text) as { kind?: unknown; instance?: unknown; name?: unknown; instanceId?: unknown };
    const instance = value.kind === "add" ? instanceFrom(value.instance) : undefined;
    if (instance !== undefined) {
      return { kind: "add", instance };
    }
    if (value.kind === "remove" && typeof value.name === "string" && typeof value.instanceId === "string") {
      return { kind: "remove", name: value.name, instanceId: value.instanceId };
    }
  } catch {
    // Falls through: the caller reports what it cannot read.
  }
  return undefined;
}

/**
 * Records may be written by hand or by another version: only what a caller needs is demanded, which is a name and an
 * address that can be dialled; the rest is filled in.
 */
function instanceFrom(value: unknown): Instance | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { name, instanceId, address, ports, services, ...rest } = value as Partial<Record<keyof Instance, unknown>>;
  if (typeof name !== "string" || typeof instanceId !== "string" || typeof address !== "string") {
    return undefined;
  }
  if (!/^[A-Za-z0-9._:[\]-]+$/.test(address) || typeof ports !== "object" || ports === null) {
    return undefined;
  }
  const usable = Object.entries(ports).filter(([, port]) => Number.isInteger(port) && port > 0 && port < 65_536);
  const text = (given: unknown, otherwise: string): string => (typeof given === "string" ? given : otherwise);
  const time = (given: unknown): number => (typeof given === "number" ? given : 0);
  return {
    name,
    instanceId,
    version: text(rest.version, ""),
    address,
    ports: Object.fromEntries(usable),
    status: rest.status === "starting" || rest.status === "draining" ? rest.status : "ready",
    health: rest.health === "unhealthy" ? "unhealthy" : "healthy",
    services: Array.isArray(services) ? services.filter((one) => typeof one === "string") : [],
    zone: text(rest.zone, ""),
    startedAtMs: time(rest.startedAtMs),
    timestamp: time(rest.timestamp),
  };
}
