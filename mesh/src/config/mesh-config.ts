import { MeshError } from "../errors.ts";
import type { Instance } from "../registry/registry.ts";
import { parseStaticInstances } from "../registry/static-instances.ts";
import { parseDurationMs } from "./duration.ts";

/** Where the files of mTLS are: the folder that `weft certs` writes, or each by itself. */
export interface MtlsSettings {
  readonly certsDir: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly caFile: string | undefined;
}

/** What every service reads from its environment, checked once at start. */
export interface MeshConfig {
  /** False only for NODE_ENV=production: defaults that are unsafe there are refused. */
  readonly development: boolean;
  readonly redisUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  /** Address that listeners bind to. */
  readonly host: string;
  /** Address that other services reach this one at; the bind address unless it is a wildcard. */
  readonly advertisedHost: string;
  /** Added to every port, so that copies of the system run beside each other. */
  readonly portOffset: number;
  /** Which block of the service's range to take; the first free one when undefined. */
  readonly instanceIndex: number | undefined;
  /** GRPC_PORT, HTTP_PORT, METRICS_PORT, HEALTH_PORT …: take precedence over the block; 0 takes any free port. */
  readonly portOverrides: Readonly<Record<string, number>>;
  /** Instances to use while the registry is away, by service name. */
  readonly staticInstances: ReadonlyMap<string, readonly Instance[]>;
  readonly zone: string;
  readonly logLevel: string;
  /** How long a drain waits for calls in flight. */
  readonly drainTimeoutMs: number;
  /** After which a server asks the caller of a connection to connect anew, ± 10 %; 0 for never. */
  readonly maxConnectionAgeMs: number;
  /** Connections to peers that the process may have (POOL-05). */
  readonly maxConnections: number;
  /** Where generated development secrets are kept; none are generated without it. */
  readonly dataDir: string | undefined;
  /** Undefined while mTLS between services is off. */
  readonly mtls: MtlsSettings | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/**
 * Reads the mesh's settings. Throws CONFIG_INVALID, naming the variable and what it accepts. In production a missing
 * REDIS_URL is an error here already; elsewhere it is one for whoever needs Redis.
 */
export function loadMeshConfig(env: Environment, portNames: readonly string[]): MeshConfig {
  const development = env.NODE_ENV !== "production";
  const redisUrl = url(env, "REDIS_URL", ["redis:", "rediss:"]);
  if (!development && redisUrl === undefined) {
    throw new MeshError("CONFIG_INVALID", "REDIS_URL is required in production; set it to redis://host:6379");
  }
  const host = optional(env, "WEFT_HOST") ?? "127.0.0.1";
  const wildcard = host === "0.0.0.0" || host === "::";
  const advertisedHost = optional(env, "WEFT_ADVERTISED_HOST") ?? (wildcard ? undefined : host);
  if (advertisedHost === undefined) {
    throw new MeshError(
      "CONFIG_INVALID",
      `WEFT_ADVERTISED_HOST is required when WEFT_HOST is ${host}: peers cannot dial a wildcard`,
    );
  }
  const portOverrides: Record<string, number> = {};
  for (const name of portNames) {
    const port = integer(env, `${name.toUpperCase()}_PORT`, 0, 65_535);
    if (port !== undefined) {
      portOverrides[name] = port;
    }
  }
  return {
    development,
    redisUrl,
    databaseUrl: url(env, "DATABASE_URL", ["postgres:", "postgresql:"]),
    host,
    advertisedHost,
    portOffset: integer(env, "WEFT_PORT_OFFSET", 0, 40_000) ?? 0,
    instanceIndex: integer(env, "WEFT_INSTANCE", 0, 4),
    portOverrides,
    staticInstances: parseStaticInstances(optional(env, "WEFT_PEERS") ?? ""),
    zone: optional(env, "WEFT_ZONE") ?? "",
    logLevel: oneOf(env, "LOG_LEVEL", logLevels) ?? (development ? "debug" : "info"),
    drainTimeoutMs: parseDurationMs("WEFT_DRAIN_TIMEOUT", optional(env, "WEFT_DRAIN_TIMEOUT") ?? "8s"),
    maxConnectionAgeMs: parseDurationMs("WEFT_MAX_CONNECTION_AGE", optional(env, "WEFT_MAX_CONNECTION_AGE") ?? "30m"),
    maxConnections: integer(env, "WEFT_MAX_CONNECTIONS", 1, 100_000) ?? 1000,
    dataDir: optional(env, "WEFT_DATA_DIR"),
    mtls: mtlsSettings(env),
  };
}

/** One switch turns mTLS on; files that are named while it is not set are taken for a switch that was forgotten. */
function mtlsSettings(env: Environment): MtlsSettings | undefined {
  const mode = oneOf(env, "WEFT_MTLS", ["on", "off"]);
  const settings = {
    certsDir: optional(env, "WEFT_CERTS_DIR"),
    certFile: optional(env, "WEFT_TLS_CERT"),
    keyFile: optional(env, "WEFT_TLS_KEY"),
    caFile: optional(env, "WEFT_TLS_CA"),
  };
  const { certsDir, certFile, keyFile, caFile } = settings;
  if (mode === undefined && (certFile ?? keyFile ?? caFile) !== undefined) {
    throw new MeshError(
      "CONFIG_INVALID",
      "WEFT_TLS_CERT, WEFT_TLS_KEY and WEFT_TLS_CA count only with WEFT_MTLS=on; set it, or WEFT_MTLS=off",
    );
  }
  if (mode !== "on") {
    return undefined;
  }
  if (certsDir === undefined && (certFile === undefined || keyFile === undefined || caFile === undefined)) {
    throw new MeshError(
      "CONFIG_INVALID",
      "WEFT_MTLS is on, and there are no certificates: set WEFT_CERTS_DIR to the folder that `weft certs` writes, " +
        "or WEFT_TLS_CERT, WEFT_TLS_KEY and WEFT_TLS_CA",
    );
  }
  return settings;
}

function optional(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === undefined || value === "" ? undefined : value;
}

function oneOf(env: Environment, name: string, accepted: readonly string[]): string | undefined {
  const text = optional(env, name);
  if (text !== undefined && !accepted.includes(text)) {
    throw new MeshError("CONFIG_INVALID", `${name} is "${text}"; it takes one of ${accepted.join(", ")}`);
  }
  return text;
}

/** The value is not repeated in the error: it may hold a password. */
function url(env: Environment, name: string, protocols: readonly string[]): string | undefined {
  const text = optional(env, name);
  if (text !== undefined && !(URL.canParse(text) && protocols.includes(new URL(text).protocol))) {
    throw new MeshError(
      "CONFIG_INVALID",
      `${name} is no URL of ${protocols.map((one) => `${one}//`).join(" or ")}host:port`,
    );
  }
  return text;
}

function integer(env: Environment, name: string, least: number, most: number): number | undefined {
  const text = optional(env, name);
  if (text === undefined) {
    return undefined;
  }
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value < least || value > most) {
    throw new MeshError("CONFIG_INVALID", `${name} is "${text}"; it takes a whole number from ${least} to ${most}`);
  }
  return value;
}
