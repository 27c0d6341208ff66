import { describe, expect, it } from "vitest";
import { detectKind, isLoadGenerator, isSidecar } from "./detect-kind.ts";

describe("detectKind", () => {
  it.each([
    ["postgres:15-alpine", "database"],
    ["docker.io/bitnami/postgresql@sha256:00ff", "database"],
    ["registry.example:5000/team/mysql", "database"],
    ["mcr.microsoft.com/mssql/server:2022-latest", "database"],
    ["docker.elastic.co/elasticsearch/elasticsearch:9.0.0", "database"],
    ["cockroachdb/cockroach:v25.3.0", "database"],
    ["redis:alpine", "cache"],
    ["valkey/valkey:8", "cache"],
    ["memcached", "cache"],
    ["rabbitmq:4-management", "queue"],
    ["confluentinc/cp-kafka:7.5.0", "queue"],
    ["nats:2", "queue"],
    ["nginx:1.29", "load_balancer"],
    ["traefik:v3", "load_balancer"],
    ["envoyproxy/envoy:v1.35.0", "load_balancer"],
    ["example/orders:1", "service"],
  ])("knows %s as a %s", (image, kind) => {
    expect(detectKind(image, "thing").kind).toBe(kind);
  });

  it.each(["prom/postgres-exporter", "rediscommander/redis-commander", "provectuslabs/kafka-ui", "mongo-express"])(
    "does not take %s for the store it is about",
    (image) => {
      expect(detectKind(image, "tool").kind).toBe("service");
    },
  );

  it("falls back on the name, and says so", () => {
    expect(detectKind("", "db")).toEqual({ kind: "database", by: "name" });
    expect(detectKind("example/own:1", "rabbitmq")).toEqual({ kind: "queue", by: "name" });
    expect(detectKind("", "db-migrations")).toEqual({ kind: "service", by: "default" });
  });
});

describe("isLoadGenerator", () => {
  it("knows load generators by image or name", () => {
    expect(isLoadGenerator("grafana/k6:1.0", "x")).toBe(true);
    expect(isLoadGenerator("", "loadgenerator")).toBe(true);
    expect(isLoadGenerator("locustio/locust", "locust-master")).toBe(true);
    expect(isLoadGenerator("example/loader:1", "download")).toBe(false);
  });
});

describe("isSidecar", () => {
  it("knows what runs beside the main container", () => {
    expect(isSidecar("docker.io/istio/proxyv2:1.27", "istio-proxy")).toBe(true);
    expect(isSidecar("oliver006/redis_exporter", "metrics")).toBe(true);
    expect(isSidecar("example/api", "server")).toBe(false);
  });
});
