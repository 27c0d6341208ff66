import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findHostsInText, findHostsInValue, namesHost, namesOtherThing } from "./find-references.ts";

const hostsIn = (key: string, value: string) => findHostsInValue(key, value).map(({ host }) => host);

describe("findHostsInValue", () => {
  it.each([
    ["REDIS_ADDR", "redis-cart:6379", ["redis-cart"]],
    ["DATABASE_URL", "postgres://postgres:postgres@db:5432/postgres", ["db"]],
    ["SPRING_DATASOURCE_URL", "jdbc:postgresql://orders-db:5432/orders", ["orders-db"]],
    ["MONGO", "mongodb://user:p:1@a:27017,b:27017/x?replicaSet=r", ["a", "b"]],
    ["DSN", "app:secret@tcp(db:3306)/shop", ["db"]],
    ["CONNECTION_STRING", "Server=sql;Database=shop;User Id=sa", ["sql"]],
    ["PG", "host=pg port=5432 user=pg2", ["pg"]],
    ["KAFKA_BROKERS", "kafka-1:9092,kafka-2:9092", ["kafka-1", "kafka-2"]],
    ["ZOOKEEPER_SERVERS", "zoo1,zoo2;zoo3", ["zoo1", "zoo2", "zoo3"]],
    ["QUORUM_VOTERS", "1@kafka1:9093,2@kafka2:9093", ["kafka1", "kafka2"]],
    ["URLS", "http://a/x,http://b/y", ["a", "b"]],
    ["CART_URL", "http://cart.shop.svc.cluster.local.:80/v1", ["cart.shop.svc.cluster.local"]],
    ["CACHE_HOST", "Redis", ["redis"]],
    ["RUNNER_IMAGE", "redis:7", []],
    ["BUCKET", "s3://redis/path", []],
    ["GREETING", "say redis or db", []],
    ["TIME", "12:30:00", []],
    ["FEATURES", "search,cart", []],
  ])("finds in %s=%s the hosts %j", (key, value, hosts) => {
    expect(hostsIn(key, value)).toEqual(hosts);
  });

  it("takes hosts whole only", () => {
    expect(hostsIn("REDIS_ADDR", "redis-cart:6379")).not.toContain("redis");
    expect(hostsIn("REDIS_ADDR", "my.redis:6379")).toEqual(["my.redis"]);
  });

  it("never hangs or throws, whatever the value", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ maxLength: 2000 }), (key, value) => {
        for (const { host } of findHostsInValue(key, value)) expect(host).toMatch(/^[a-z0-9_][a-z0-9_.-]*$/);
        for (const { host } of findHostsInText(value)) expect(host.length).toBeLessThanOrEqual(253);
      }),
    );
    const long = "a".repeat(1_000_000);
    expect(hostsIn("X_URL", `${long}://${long}`)).toEqual([]);
    expect(findHostsInText(`${"host=".repeat(100_000)}`)).toEqual(expect.any(Array));
  });
});

describe("findHostsInText", () => {
  it("finds URLs, ports, options and settings", () => {
    const text =
      "wait-for db:5432 -- serve --redis-host redis -h pg --name=cart\nproxy_pass http://api/;\nmq_host: broker";
    expect(
      findHostsInText(text)
        .map(({ host }) => host)
        .sort(),
    ).toEqual(["api", "broker", "db", "pg", "redis"]);
  });
});

describe("keys", () => {
  it("tell hosts from other things", () => {
    for (const key of ["DB_HOST", "redisUrl", "spring.redis.host", "PGHOST", "CART_SERVICE_ADDR", "BROKERS"]) {
      expect(namesHost(key), key).toBe(true);
    }
    for (const key of ["POSTGRES_USER", "POSTGRES_DB", "CACHE_DRIVER", "SERVICE_NAME", "SPRING_PROFILES_ACTIVE"]) {
      expect(namesHost(key), key).toBe(false);
      expect(namesOtherThing(key), key).toBe(true);
    }
  });
});
