import { MeshError } from "../errors.ts";
import type { Instance } from "./registry.ts";

/**
 * Instances written down by hand, for the time the registry cannot be asked (DISC-08) and for names it does not manage,
 * such as a Kubernetes service. Form: "auth-service=10.0.0.1:9000,user-service=users.internal:12000"; a name may stand
 * several times.
 */
export function parseStaticInstances(text: string): Map<string, Instance[]> {
  const instances = new Map<string, Instance[]>();
  for (const part of text.split(",").map((item) => item.trim())) {
    if (part === "") {
      continue;
    }
    const match = /^([a-z0-9-]+)=(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(part);
    const [, name, address, port] = match ?? [];
    if (name === undefined || address === undefined || Number(port) > 65_535 || Number(port) < 1) {
      throw new MeshError("CONFIG_INVALID", `WEFT_PEERS holds "${part}"; write name=host:grpcPort`);
    }
    const known = instances.get(name) ?? [];
    known.push(staticInstance(name, address, Number(port)));
    instances.set(name, known);
  }
  return instances;
}

/** The record of an instance of which only the address is known. */
export function staticInstance(name: string, address: string, grpcPort: number): Instance {
  return {
    name,
    instanceId: `static-${address}:${grpcPort}`,
    version: "",
    address,
    ports: { grpc: grpcPort },
    status: "ready",
    health: "healthy",
    services: [],
    zone: "",
    startedAtMs: 0,
    timestamp: 0,
  };
}
