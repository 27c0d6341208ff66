import { describe, expect, it } from "vitest";
import { completeArchitecture } from "./complete-architecture.ts";
import { importCompose } from "./import-compose.ts";
import { importKubernetes } from "./import-kubernetes.ts";
import type { ImportResult } from "./import-result.ts";

function told({ architecture, findings }: ImportResult) {
  expect(completeArchitecture(architecture).problems).toEqual([]);
  return {
    architecture,
    kinds: Object.fromEntries(architecture.components.map(({ id, kind }) => [id, kind])),
    links: architecture.links.map(({ from, to }) => `${from}->${to}`),
    messages: findings.map(({ severity, message }) => `${severity} ${message}`).join("\n"),
  };
}

/** A web service that sends to `mq`, and one more service. */
const withBroker = (broker: string, name: string, service: string, more = "") =>
  told(
    importCompose(
      `services:\n  web: { image: example/web, ports: [80], depends_on: [mq] }\n  mq: { image: ${broker} }\n  db: { image: postgres }\n  ${name}: ${service}\n${more}`,
    ),
  );

describe("a worker of an imported file", () => {
  it.each([
    ["its name", "redis", "mail-worker", "{ image: x, depends_on: [mq] }"],
    ["its image", "redis", "mail", "{ image: 'example/mail-consumer:3', depends_on: [mq] }"],
    ["its labels", "valkey/valkey", "mail", "{ image: x, depends_on: [mq], labels: { part: background } }"],
    ["its labels", "redis", "mail", "{ image: x, depends_on: [mq], deploy: { labels: ['part=worker'] } }"],
    ["its command", "redis", "mail", "{ image: x, depends_on: [mq], command: 'celery -A shop worker --beat' }"],
    ["its command", "redis", "mail", "{ image: x, depends_on: [mq], command: [php, artisan, 'queue:work'] }"],
    ["it connects to a broker and a database", "redis", "sync", "{ image: x, depends_on: [mq, db] }"],
    ["it connects to a broker", "rabbitmq:4", "sync", "{ image: x, depends_on: [mq] }"],
    ["it connects to a broker", "softwaremill/elasticmq", "sync", "{ image: x, environment: { QUEUE_HOST: mq } }"],
  ])("is known by %s, and its broker delivers to it", (because, broker, name, service) => {
    const { kinds, links, messages } = withBroker(broker, name, service);
    expect(kinds).toMatchObject({ mq: "queue", [name]: "service" });
    expect(links).toEqual(expect.arrayContaining(["web->mq", `mq->${name}`]));
    expect(links).not.toContain(`${name}->mq`);
    expect(messages).toMatch(new RegExp(`WARNING ${name} is taken for a worker \\((by )?${because};`));
    expect(messages).not.toContain(`no load reaches ${name}`);
  });

  it.each([
    ["is published", "redis", "queue-api", "{ image: x, ports: [81], depends_on: [mq, db] }"],
    ["has ports for its neighbours", "redis", "queue-api", "{ image: x, expose: [81], depends_on: [mq, db] }"],
    [
      "has a route",
      "redis",
      "queue-api",
      "{ image: x, depends_on: [mq], labels: { traefik.http.routers.q.rule: Path } }",
    ],
    ["uses a cache that holds no messages", "memcached", "image-processor", "{ image: x, depends_on: [mq] }"],
    ["only connects to a store", "redis", "reports", "{ image: x, depends_on: [mq] }"],
    [
      "runs gunicorn's workers",
      "redis",
      "reports",
      "{ image: x, depends_on: [mq], command: 'gunicorn --workers 4 a:b' }",
    ],
    ["only sends", "rabbitmq", "order-producer", "{ image: x, depends_on: [mq, db] }"],
    ["schedules", "redis", "clock", "{ image: x, depends_on: [mq, db], command: 'celery -A shop beat' }"],
    ["looks on", "apache/kafka", "kafka-ui", "{ image: x, depends_on: [mq] }"],
    [
      "its label says so of",
      "redis",
      "mail-worker",
      "{ image: x, depends_on: [mq], labels: { weft.dev/role: service } }",
    ],
  ])("is not what %s", (_why, broker, name, service) => {
    const { links, messages } = withBroker(broker, name, service);
    expect(links).toContain(`${name}->mq`);
    expect(messages).not.toContain("taken for a worker");
  });

  it("is not what somebody calls or nobody sends to, and a store that is named a cache is no broker", () => {
    const called = withBroker(
      "redis",
      "worker",
      "{ image: x, depends_on: [mq] }",
      "  api: { image: x, depends_on: [worker] }",
    );
    expect(called.links).toContain("worker->mq");
    const alone = told(
      importCompose(
        "services:\n  api: { image: x, depends_on: [db, mq] }\n  db: { image: mysql }\n  mq: { image: redis }\n",
      ),
    );
    expect(alone.links).toEqual(["api->db", "api->mq", "users->api"]);
    const cache = told(
      importCompose("services:\n  worker: { image: x, depends_on: [user-cache] }\n  user-cache: { image: redis }\n"),
    );
    expect(cache.kinds["user-cache"]).toBe("cache");
  });

  it("can be named by a label where nothing else says it", () => {
    const { links, messages } = withBroker(
      "redis",
      "reports",
      "{ image: x, ports: [81], depends_on: [mq], labels: ['weft.dev/role=worker'] }",
    );
    expect(links).toContain("mq->reports");
    expect(messages).toContain("weft.dev/role says so");
  });

  it("takes from the broker that others send to, and publishes to the rest", () => {
    const { links } = withBroker(
      "redis",
      "worker",
      "{ image: x, depends_on: [events, mq] }",
      "  events: { image: apache/kafka }",
    );
    expect(links).toEqual(expect.arrayContaining(["web->mq", "mq->worker", "worker->events"]));
  });

  it("waits for no deadline, has the broker's room, and shares nothing with other workers", () => {
    const { architecture, messages } = withBroker(
      "rabbitmq",
      "mail-worker",
      "{ image: x, depends_on: [mq] }",
      "  bill-worker: { image: x, depends_on: [mq] }",
    );
    expect(architecture.links.find(({ to }) => to === "mail-worker")).toMatchObject({
      timeoutMs: 0,
      callsPerRequest: 1,
    });
    expect(architecture.components.find(({ id }) => id === "mail-worker")?.queueCapacity).toBe(100_000);
    expect(messages).toContain("INFO every message of mq goes to each of mail-worker, bill-worker");
  });

  it("is found in Kubernetes too, where an annotation overrules it", () => {
    const service = JSON.stringify({
      kind: "Service",
      metadata: { name: "mailer" },
      spec: { selector: { app: "mailer-worker" } },
    });
    const deployment = (name: string, host: string, annotations = {}) =>
      JSON.stringify({
        kind: "Deployment",
        metadata: { name, annotations },
        spec: {
          template: {
            metadata: { labels: { app: name } },
            spec: { containers: [{ image: name, env: [{ name: "X_HOST", value: host }] }] },
          },
        },
      });
    const file = (annotations = {}) =>
      [deployment("web", "redis"), deployment("mailer-worker", "redis", annotations), deployment("redis", "")].join(
        "\n---\n",
      );
    expect(told(importKubernetes(file())).links).toEqual(["web->redis", "redis->mailer-worker", "users->web"]);
    expect(told(importKubernetes(file({ "weft.dev/role": "service" }))).links).toContain("mailer-worker->redis");
    expect(told(importKubernetes(`${file()}\n---\n${service}`)).links).toContain("mailer-worker->redis");
  });
});

describe("a job of an imported file", () => {
  it.each([
    ["runs only with the profile tools", "adminer", "{ image: adminer, profiles: [tools], depends_on: [db] }"],
    ["runs once, by its name", "db-migrate", "{ image: x, depends_on: [db] }"],
    ["runs once, by its name", "seed", "{ image: x, depends_on: [web] }"],
    ['runs once (restart: "no")', "fill", "{ image: x, depends_on: [db], restart: 'no' }"],
    ["is a job that ends", "fill", "{ image: x, depends_on: [db], deploy: { mode: replicated-job } }"],
    ["is a job (weft.dev/role)", "fill", "{ image: x, depends_on: [db], labels: { weft.dev/role: job } }"],
  ])("%s and is left out with its calls", (why, name, service) => {
    const { kinds, links, messages } = withBroker("redis", name, service);
    expect(kinds[name]).toBeUndefined();
    expect(links.some((link) => link.includes(name))).toBe(false);
    expect(messages).toContain(`WARNING ${name} is left out of the model: it ${why}`);
  });

  it.each([
    ["a label keeps", "seed", "{ image: x, depends_on: [db], labels: { weft.dev/role: service } }", ""],
    ["is published", "setup", "{ image: x, ports: [81] }", ""],
    ["starts again", "init-server", "{ image: x, restart: always }", ""],
    ["is a store", "store", "{ image: mysql, restart: 'no' }", ""],
    [
      "somebody calls",
      "extra",
      "{ image: x, profiles: [all] }",
      "  api: { image: x, ports: [82], depends_on: [extra] }",
    ],
    ["offers load", "load", "{ image: grafana/k6, profiles: [load], environment: { TARGET: 'http://web' } }", ""],
  ])("is not what %s", (_why, name, service, more) => {
    const { kinds } = withBroker("redis", name, service, more);
    expect(kinds[name]).toBeDefined();
  });

  it("keeps everything of a file that has nothing else", () => {
    const { kinds } = told(importCompose("services:\n  app: { image: x, profiles: [a] }\n  db: { image: postgres }\n"));
    expect(kinds).toEqual({ app: "service", db: "database", users: "client" });
  });

  it("takes the external systems that only it called along", () => {
    const { kinds } = withBroker(
      "redis",
      "seed",
      "{ image: x, environment: { DATA_URL: 'https://data.example.com/x' } }",
    );
    expect(Object.keys(kinds)).toEqual(["web", "mq", "db", "users"]);
  });
});

it("refuses a role that there is not, and a worker without a broker, each by name", () => {
  const { messages } = withBroker(
    "redis",
    "x",
    "{ image: x, labels: { weft.dev/role: boss } }",
    "  y: { image: x, labels: { weft.dev/role: worker } }",
  );
  expect(messages).toContain('ERROR weft.dev/role of x must be one of service, worker, job, not "boss"; it is ignored');
  expect(messages).toContain("ERROR weft.dev/role of y is worker, but it connects to no broker; it is ignored");
});
