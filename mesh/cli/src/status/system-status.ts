import { connect } from "node:net";
import type { Instance } from "@weft/mesh/registry";
import { describeError } from "../cli-error.ts";
import { readRegistry } from "../registry/instance-records.ts";
import { withRedis } from "../registry/registry-access.ts";
import { hideSecrets } from "../stores/provision.ts";
import type { RunRecord } from "../up/run-file.ts";
import { askReadiness, type Readiness } from "./readiness.ts";

/*
 * The state of everything, asked afresh: the registry says who should be there, each instance's own health port says
 * how it is, and the record of `weft up` says which services must have an instance at all.
 */

export interface InstanceStatus {
  readonly record: Instance;
  readonly readiness: Readiness;
  readonly heartbeatAgeMs: number;
}

export interface StoreStatus {
  readonly name: "redis" | "postgres";
  readonly ok: boolean;
  /** Without its password. */
  readonly url: string;
  readonly description: string;
  readonly error?: string;
}

export interface SystemStatus {
  readonly address: string | null;
  readonly stores: readonly StoreStatus[];
  readonly instances: readonly InstanceStatus[];
  /** Services that `weft up` runs, but that have no registered instance. */
  readonly missing: readonly string[];
  /** Keys of registry records that cannot be read. */
  readonly unreadable: readonly string[];
}

/** Collects the state. Never throws for what is down; that is part of the answer. */
export async function readSystemStatus(
  redisUrl: string,
  run: RunRecord | undefined,
  now: () => number,
): Promise<SystemStatus> {
  const stores: StoreStatus[] = [];
  let contents: Awaited<ReturnType<typeof readRegistry>> = { instances: [], unreadable: [] };
  const redis = { name: "redis", url: hideSecrets(redisUrl), description: describeRedis(redisUrl, run) } as const;
  try {
    contents = await withRedis(redisUrl, readRegistry);
    stores.push({ ...redis, ok: true });
  } catch (error) {
    stores.push({ ...redis, ok: false, error: describeError(error) });
  }
  const postgres = run?.stores.postgres;
  if (postgres !== undefined) {
    const error = await tryPort(postgres.url);
    stores.push({
      name: "postgres",
      ok: error === undefined,
      url: hideSecrets(postgres.url),
      description: postgres.description,
      ...(error === undefined ? {} : { error }),
    });
  }
  const instances = await Promise.all(
    contents.instances.map(async (record) => {
      const port = record.ports.health;
      const readiness =
        port === undefined
          ? { ready: record.health === "healthy", checks: [], reason: "it names no health port" }
          : await askReadiness(record.address, port);
      return { record, readiness, heartbeatAgeMs: now() - record.timestamp };
    }),
  );
  const registered = new Set(contents.instances.map(({ name }) => name));
  const expected = [...new Set((run?.services ?? []).map(({ service }) => service))];
  return {
    address: run?.address ?? null,
    stores,
    instances,
    missing: expected.filter((name) => !registered.has(name)),
    unreadable: contents.unreadable,
  };
}

/** Whether everything that should be there is there and well. */
export function isAllUp(status: SystemStatus): boolean {
  return (
    status.instances.length > 0 &&
    status.missing.length === 0 &&
    status.unreadable.length === 0 &&
    status.stores.every(({ ok }) => ok) &&
    status.instances.every(({ readiness }) => readiness.ready)
  );
}

function describeRedis(url: string, run: RunRecord | undefined): string {
  return run?.stores.redis?.url === url ? run.stores.redis.description : "given by URL";
}

/** Whether the server behind a URL accepts connections: the reason why not, or undefined. */
function tryPort(url: string): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port === "" ? 5432 : port),
      timeout: 1_000,
    });
    const finish = (error?: string) => {
      socket.destroy();
      resolve(error);
    };
    socket.on("connect", () => finish());
    socket.on("timeout", () => finish("no answer in 1 s"));
    socket.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  });
}
