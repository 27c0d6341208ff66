import type { ComponentKind } from "./architecture.ts";

/**
 * Recognises stores, brokers and proxies by their image, else by the component's own name.
 *
 * Only the whole last part of an image's path counts, or one of the listed prefixes followed by a flavour: an exporter
 * or a console for a database (`postgres-exporter`, `redis-commander`, `kafka-ui`) is not that database. Names are
 * weaker than images (`db` built from a Dockerfile), so they must match whole and the answer says which it was.
 */
export interface DetectedKind {
  kind: ComponentKind;
  by: "image" | "name" | "default";
}

const PRODUCTS: Record<Exclude<ComponentKind, "client" | "service" | "external">, readonly string[]> = {
  database: [
    ...["postgres", "postgresql", "postgresql-repmgr", "postgis", "pgvector", "timescaledb", "timescaledb-ha"],
    ...["cloudnative-pg", "spilo", "alloydbomni", "citus", "mysql", "mysql-server", "percona", "percona-server"],
    ...["mariadb", "mariadb-galera", "mongo", "mongodb", "mongodb-sharded", "mongodb-community-server", "cockroach"],
    ...["cockroachdb", "yugabyte", "tidb", "tikv", "elasticsearch", "opensearch", "solr", "typesense", "meilisearch"],
    ...["cassandra", "scylla", "couchdb", "couchbase", "influxdb", "clickhouse", "clickhouse-server", "neo4j"],
    ...["dynamodb-local", "azure-sql-edge", "mssql-server", "oracle-free", "oracle-xe", "db2", "firebird", "arangodb"],
    ...["orientdb", "rethinkdb", "surrealdb", "questdb", "rqlite", "etcd", "zookeeper", "cp-zookeeper", "minio"],
    ...["qdrant", "weaviate", "milvus", "dgraph", "victoria-metrics"],
  ],
  cache: [
    ...["redis", "redis-stack", "redis-stack-server", "redis-cluster", "redis-sentinel", "valkey", "valkey-cluster"],
    ...["keydb", "dragonfly", "memcached", "hazelcast", "varnish", "garnet", "ignite"],
  ],
  queue: [
    ...["rabbitmq", "kafka", "cp-kafka", "cp-server", "kafka-native", "redpanda", "nats", "nats-streaming", "activemq"],
    ...["activemq-classic", "activemq-artemis", "artemis", "pulsar", "pulsar-all", "mosquitto", "emqx", "nsq"],
    ...["elasticmq", "elasticmq-native", "rocketmq", "beanstalkd", "vernemq", "hivemq-ce"],
  ],
  load_balancer: [
    ...["nginx", "nginx-unprivileged", "nginx-proxy", "nginx-ingress", "openresty", "haproxy", "traefik", "envoy"],
    ...["caddy", "kong", "kong-gateway", "apisix", "tyk-gateway", "krakend", "pingora", "httpd-proxy"],
  ],
};

/** Everyday names of roles, for what is built from source. */
const ROLE_NAMES: Record<keyof typeof PRODUCTS, readonly string[]> = {
  database: ["db", "database", "sql", "datastore"],
  cache: ["cache", "caches"],
  queue: ["queue", "broker", "mq", "message-broker", "messagebroker"],
  load_balancer: ["lb", "loadbalancer", "load-balancer", "reverse-proxy", "reverseproxy"],
};

/** Products whose image ends in a general word. */
const PATH_ENDINGS: readonly [ending: string, kind: ComponentKind][] = [
  ["mssql/server", "database"],
  ["percona/percona-xtradb-cluster", "database"],
  ["oracle/database", "database"],
  ["oceanbase/oceanbase-ce", "database"],
  ["ingress-nginx/controller", "load_balancer"],
  ["nsqio/nsq", "queue"],
];

const KIND_BY_PRODUCT = kindByName(PRODUCTS);
const KIND_BY_ROLE = kindByName(ROLE_NAMES);

/** The kind of what runs `image` under `name`; "service" when neither says otherwise. */
export function detectKind(image: string, name: string): DetectedKind {
  const path = imagePath(image);
  for (const [ending, kind] of PATH_ENDINGS) {
    if (path === ending || path.endsWith(`/${ending}`)) return { kind, by: "image" };
  }
  const byImage = KIND_BY_PRODUCT.get(path.slice(path.lastIndexOf("/") + 1));
  if (byImage !== undefined) return { kind: byImage, by: "image" };
  const byName = KIND_BY_PRODUCT.get(name.toLowerCase()) ?? KIND_BY_ROLE.get(name.toLowerCase());
  return byName === undefined ? { kind: "service", by: "default" } : { kind: byName, by: "name" };
}

/** Whether this is a program whose job is to offer load. */
export function isLoadGenerator(image: string, name: string): boolean {
  const base = imagePath(image).split("/").at(-1) ?? "";
  const pattern =
    /^(?:[a-z0-9]+[-_])*(?:load[-_]?gen(?:erator)?|load[-_]?test(?:er)?|locust|k6|artillery|vegeta|wrk2?|gatling|jmeter|fortio|hey)(?:[-_](?:master|runner|client|service|job))*$/;
  return pattern.test(base.slice(0, 200)) || pattern.test(name.toLowerCase().slice(0, 200));
}

/** Programs that run beside the main container of a pod and are not what the pod is for. */
export function isSidecar(image: string, name: string): boolean {
  const base = imagePath(image).split("/").at(-1) ?? "";
  const names =
    /^(?:istio-proxy|proxyv2|linkerd-proxy|envoy(?:-sidecar)?|daprd|cloud-?sql-?proxy|gce-proxy|vault-agent|consul-dataplane|fluent-?bit|fluentd|filebeat|promtail|vector|datadog-agent|jaeger-agent|otel-collector|otelcol|opentelemetry-collector(?:-contrib)?|oauth2-proxy|config-reloader|git-sync)$/;
  const exporter = /(?:^|[-_])exporter$/;
  return [base, name.toLowerCase()].some((text) => names.test(text) || exporter.test(text.slice(0, 200)));
}

/** `registry:5000/path/name:tag@digest` without registry port, tag and digest. */
function imagePath(image: string): string {
  const withoutDigest = image.toLowerCase().split("@")[0] as string;
  const slash = withoutDigest.lastIndexOf("/");
  const colon = withoutDigest.indexOf(":", slash + 1);
  return colon === -1 ? withoutDigest : withoutDigest.slice(0, colon);
}

function kindByName(table: Record<string, readonly string[]>): Map<string, ComponentKind> {
  const kinds = new Map<string, ComponentKind>();
  for (const [kind, names] of Object.entries(table)) for (const name of names) kinds.set(name, kind as ComponentKind);
  return kinds;
}
