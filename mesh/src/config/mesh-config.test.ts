import { describe, expect, test } from "vitest";
import { MeshError } from "../errors.ts";
import { loadMeshConfig, type MeshConfig } from "./mesh-config.ts";

const load = (env: Record<string, string | undefined>): MeshConfig => loadMeshConfig(env, ["grpc", "http"]);

describe("an empty environment", () => {
  test("gives what development needs", () => {
    expect(load({})).toEqual({
      development: true,
      redisUrl: undefined,
      databaseUrl: undefined,
      host: "127.0.0.1",
      advertisedHost: "127.0.0.1",
      portOffset: 0,
      instanceIndex: undefined,
      portOverrides: {},
      staticInstances: new Map(),
      zone: "",
      logLevel: "debug",
      drainTimeoutMs: 8000,
      maxConnectionAgeMs: 1_800_000,
      maxConnections: 1000,
      dataDir: undefined,
      mtls: undefined,
    });
  });

  test("takes blank values for absent ones", () => {
    expect(load({ REDIS_URL: " ", WEFT_PORT_OFFSET: "", GRPC_PORT: " " })).toEqual(load({}));
  });
});

describe("each variable", () => {
  test.each<[env: Record<string, string>, expected: Partial<MeshConfig>]>([
    [{ REDIS_URL: "redis://h:6379/1" }, { redisUrl: "redis://h:6379/1" }],
    [{ REDIS_URL: "rediss://u:p@h" }, { redisUrl: "rediss://u:p@h" }],
    [{ DATABASE_URL: "postgres://u:p@h:5432/d" }, { databaseUrl: "postgres://u:p@h:5432/d" }],
    [{ DATABASE_URL: "postgresql://h/d?options=-c%20a=b" }, { databaseUrl: "postgresql://h/d?options=-c%20a=b" }],
    [{ WEFT_HOST: "10.0.0.7" }, { host: "10.0.0.7", advertisedHost: "10.0.0.7" }],
    [
      { WEFT_HOST: "0.0.0.0", WEFT_ADVERTISED_HOST: "auth.internal" },
      { host: "0.0.0.0", advertisedHost: "auth.internal" },
    ],
    [{ WEFT_PORT_OFFSET: "40000" }, { portOffset: 40_000 }],
    [{ WEFT_INSTANCE: "4" }, { instanceIndex: 4 }],
    [{ GRPC_PORT: "0", HTTP_PORT: "8080" }, { portOverrides: { grpc: 0, http: 8080 } }],
    [{ WEFT_ZONE: "north" }, { zone: "north" }],
    [{ LOG_LEVEL: "warn" }, { logLevel: "warn" }],
    [{ WEFT_DRAIN_TIMEOUT: "250ms" }, { drainTimeoutMs: 250 }],
    [{ WEFT_MAX_CONNECTION_AGE: "2m" }, { maxConnectionAgeMs: 120_000 }],
    [{ WEFT_MAX_CONNECTIONS: "40" }, { maxConnections: 40 }],
    [{ WEFT_DATA_DIR: "/var/weft" }, { dataDir: "/var/weft" }],
    [
      { WEFT_MTLS: "on", WEFT_CERTS_DIR: "/certs" },
      { mtls: { certsDir: "/certs", certFile: undefined, keyFile: undefined, caFile: undefined } },
    ],
    [
      { WEFT_MTLS: "on", WEFT_TLS_CERT: "/a.pem", WEFT_TLS_KEY: "/a.key", WEFT_TLS_CA: "/ca.pem" },
      { mtls: { certsDir: undefined, certFile: "/a.pem", keyFile: "/a.key", caFile: "/ca.pem" } },
    ],
    [{ WEFT_MTLS: "off", WEFT_TLS_CERT: "/a.pem" }, { mtls: undefined }],
    [{ WEFT_CERTS_DIR: "/certs" }, { mtls: undefined }],
    [
      { NODE_ENV: "production", REDIS_URL: "redis://h" },
      { development: false, logLevel: "info" },
    ],
    [{ NODE_ENV: "test" }, { development: true }],
  ])("is read: %j", (env, expected) => {
    expect(load(env)).toMatchObject(expected);
  });

  test("names static instances by service", () => {
    expect(load({ WEFT_PEERS: "auth-service=h:1" }).staticInstances.get("auth-service")).toMatchObject([
      { address: "h" },
    ]);
  });

  test.each<[env: Record<string, string>, complaint: string]>([
    [{ NODE_ENV: "production" }, "REDIS_URL is required in production; set it to redis://host:6379"],
    [{ REDIS_URL: "localhost:6379" }, "REDIS_URL is no URL of redis:// or rediss://host:port"],
    [{ REDIS_URL: "http://h" }, "REDIS_URL is no URL of redis:// or rediss://host:port"],
    [{ DATABASE_URL: "h/d" }, "DATABASE_URL is no URL of postgres:// or postgresql://host:port"],
    [
      { WEFT_HOST: "0.0.0.0" },
      "WEFT_ADVERTISED_HOST is required when WEFT_HOST is 0.0.0.0: peers cannot dial a wildcard",
    ],
    [{ WEFT_HOST: "::" }, "WEFT_ADVERTISED_HOST is required when WEFT_HOST is ::"],
    [{ WEFT_PORT_OFFSET: "40001" }, 'WEFT_PORT_OFFSET is "40001"; it takes a whole number from 0 to 40000'],
    [{ WEFT_PORT_OFFSET: "-1" }, 'WEFT_PORT_OFFSET is "-1"; it takes a whole number from 0 to 40000'],
    [{ WEFT_PORT_OFFSET: "1e3" }, 'WEFT_PORT_OFFSET is "1e3"; it takes a whole number'],
    [{ WEFT_INSTANCE: "5" }, 'WEFT_INSTANCE is "5"; it takes a whole number from 0 to 4'],
    [{ WEFT_INSTANCE: "one" }, 'WEFT_INSTANCE is "one"; it takes a whole number from 0 to 4'],
    [{ GRPC_PORT: "65536" }, 'GRPC_PORT is "65536"; it takes a whole number from 0 to 65535'],
    [{ HTTP_PORT: "0x50" }, 'HTTP_PORT is "0x50"; it takes a whole number'],
    [{ WEFT_PEERS: "auth-service" }, 'WEFT_PEERS holds "auth-service"; write name=host:grpcPort'],
    [{ LOG_LEVEL: "loud" }, 'LOG_LEVEL is "loud"; it takes one of trace, debug, info, warn, error, fatal, silent'],
    [{ WEFT_MTLS: "yes" }, 'WEFT_MTLS is "yes"; it takes one of on, off'],
    [{ WEFT_MTLS: "on" }, "WEFT_MTLS is on, and there are no certificates: set WEFT_CERTS_DIR"],
    [{ WEFT_MTLS: "on", WEFT_TLS_CERT: "/a.pem" }, "or WEFT_TLS_CERT, WEFT_TLS_KEY and WEFT_TLS_CA"],
    [{ WEFT_TLS_CERT: "/a.pem" }, "count only with WEFT_MTLS=on"],
    [{ WEFT_DRAIN_TIMEOUT: "8" }, 'WEFT_DRAIN_TIMEOUT is "8"; write a number with a unit'],
  ])("is refused: %j", (env, complaint) => {
    const refused = () => load(env);
    expect(refused).toThrow(MeshError);
    expect(refused).toThrow(complaint);
  });

  test("that holds a password is not repeated in an error", () => {
    expect(() => load({ DATABASE_URL: "mysql://u:hunter2@h/d" })).not.toThrow("hunter2");
  });
});
