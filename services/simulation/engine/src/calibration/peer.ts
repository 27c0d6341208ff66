/**
 * Who a client or producer span calls, by its attributes: the names of OpenTelemetry's semantic conventions, of their
 * older versions and of OpenTracing, newest first. `peer.service` is the operator's own name and wins. A database is told
 * apart by its server's address, because servers and not schemas have queues; a queue by its destination.
 */
import { textOf } from "./json.ts";
import type { Peer } from "./spans.ts";

export type Attributes = ReadonlyMap<string, unknown>;

const caches = /^(redis|memcached|valkey|keydb|dragonfly|hazelcast|ehcache|varnish)$/;
const databases =
  /^(postgres(ql)?|mysql|mariadb|mongo(db)?|cassandra|cockroach(db)?|mssql|sqlserver|oracle|elasticsearch|opensearch|dynamodb|clickhouse|neo4j|sqlite|couchdb|scylla(db)?)$/;
const queues = /^(kafka|rabbitmq|activemq|nats|pulsar|sqs|redpanda|rocketmq|artemis)$/;

/** Undefined when the attributes name nobody. */
export function peerFrom(attributes: Attributes): Peer | undefined {
  const first = (...keys: readonly string[]) => {
    for (const key of keys) {
      const text = textOf(attributes.get(key));
      if (text !== undefined) return text;
    }
    return undefined;
  };
  const service = first("peer.service", "service.peer.name");
  const address = first("server.address", "net.peer.name", "peer.hostname", "net.sock.peer.addr", "peer.address");
  const messaging = first("messaging.system");
  if (messaging !== undefined) {
    const destination =
      attributes.get("messaging.destination.temporary") === true
        ? undefined
        : first("messaging.destination.name", "messaging.destination", "message_bus.destination");
    return { kind: "queue", name: service ?? (destination === undefined ? messaging : `${messaging}-${destination}`) };
  }
  const database = first("db.system.name", "db.system", "db.type");
  if (database !== undefined) {
    const where = address ?? first("db.namespace", "db.name", "db.instance");
    const kind = caches.test(database.toLowerCase()) ? "cache" : "database";
    // Redis numbers its databases; a number names nothing.
    const isNumber = where !== undefined && /^\d+$/.test(where);
    return { kind, name: service ?? (where === undefined || isNumber ? database : `${database}-${where}`) };
  }
  const name = service ?? address ?? hostOf(first("url.full", "http.url")) ?? first("http.host", "rpc.service");
  return name === undefined ? undefined : { kind: kindOfName(name) ?? "external", name };
}

/** By a word of its name, such as "redis" in "redis-sessions"; undefined when none says anything. */
export function kindOfName(name: string): Peer["kind"] | undefined {
  const words = name.toLowerCase().split(/[^a-z]+/);
  if (words.some((word) => caches.test(word))) return "cache";
  if (words.some((word) => databases.test(word))) return "database";
  return words.some((word) => queues.test(word)) ? "queue" : undefined;
}

function hostOf(url: string | undefined): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#:]+)/i.exec(url ?? "")?.[1];
}
