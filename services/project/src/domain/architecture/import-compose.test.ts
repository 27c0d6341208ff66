// biome-ignore-all lint/suspicious/noTemplateCurlyInString: compose variables stand in plain strings here
import { describe, expect, it } from "vitest";
import { importCompose } from "./import-compose.ts";
import { ImportError } from "./import-result.ts";

function read(content: string) {
  const { architecture, findings } = importCompose(content);
  return {
    architecture,
    findings,
    kinds: Object.fromEntries(architecture.components.map(({ id, kind }) => [id, kind])),
    links: architecture.links.map(({ from, to }) => `${from}->${to}`),
    messages: findings.map(({ severity, line, message }) => `${severity} ${line ?? "-"}: ${message}`).join("\n"),
  };
}

describe("importCompose", () => {
  it("draws links from depends_on in both forms and from links", () => {
    const { links } = read(`services:
  a: { image: x, depends_on: [b] }
  b: { image: x, depends_on: { c: { condition: service_started } } }
  c: { image: x, links: ["d:dee"] }
  d: { image: x }
`);
    expect(links).toEqual(["a->b", "b->c", "c->d", "users->a"]);
  });

  it("draws links from variables in both forms, commands and aliases, but not from users or names of databases", () => {
    const { links, messages } = read(`services:
  web:
    image: example/web
    environment:
      DATABASE_URL: postgres://postgres:secret@db/shop
      POSTGRES_USER: cache
      STORE: "\${STORE_URL:-http://api:80}"
    ports: ["80:80"]
  api:
    image: example/api
    environment: ["CACHE_HOST=cache", "SELF_URL=http://api"]
    command: ["serve", "--broker", "events:5672"]
  db: { image: postgres }
  cache: { image: redis }
  mq: { image: rabbitmq, hostname: events }
`);
    expect(links).toEqual(["web->db", "web->api", "api->cache", "api->mq", "users->web"]);
    expect(messages).toContain('INFO 6: environment POSTGRES_USER of web holds the word "cache"');
    expect(messages).not.toContain("secret");
  });

  it("says when a dependency has no visible traffic, and does not link to what ends first", () => {
    const { links, messages } = read(`services:
  web:
    image: example/web
    depends_on:
      db: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
  migrate: { image: example/web, depends_on: [db] }
  db: { image: postgres }
`);
    expect(links).toEqual(["web->db", "users->web"]);
    expect(messages).toContain("INFO 5: web -> db is drawn from depends_on alone");
    expect(messages).toContain("WARNING 6: web starts after migrate has ended");
    expect(messages).toContain(
      "WARNING 7: migrate is left out of the model: it ends before the services that wait for it start",
    );
  });

  it("reads replicas, extends, anchors, merge keys and extension fields", () => {
    const { architecture, links, messages } = read(`x-env: &env { CACHE_HOST: cache }
x-base: &base
  image: example/base
  environment: *env
services:
  one:
    <<: *base
    deploy: { replicas: 3 }
  two:
    extends: { service: one }
    scale: 2
    environment: { DB_HOST: db }
  three:
    extends: { file: other.yml, service: x }
    deploy: { replicas: 0 }
  cache: { image: redis }
  db: { image: mysql }
`);
    expect(architecture.components.map(({ id, instances }) => [id, instances]).slice(0, 3)).toEqual([
      ["one", 3],
      ["two", 2],
      ["three", 1],
    ]);
    expect(architecture.components[1]?.image).toBe("example/base");
    expect(links).toEqual(expect.arrayContaining(["one->cache", "two->cache", "two->db"]));
    expect(messages).toContain("WARNING 14: three extends a service of another file");
    expect(messages).toContain("WARNING 15: three has 0 replicas");
  });

  it("reports variables without default, other files, unknown keys and unknown services", () => {
    const { messages } = read(`include: [more.yml]
colour: red
services:
  a:
    image: "example/a:\${TAG}"
    env_file: .env
    enviroment: { X: y }
    depends_on: [nobody]
    networks: [back]
  b: { image: x, networks: [back] }
`);
    expect(messages).toContain("WARNING 1: include names other files");
    expect(messages).toContain("WARNING 2: colour");
    expect(messages).toContain("WARNING 5: ${TAG} has no default");
    expect(messages).toContain("WARNING 6: env_file of a");
    expect(messages).toContain("WARNING 7: enviroment of a");
    expect(messages).toContain("ERROR 8: depends_on of a names nobody");
    expect(messages).toContain("INFO 4: a names no other service; it shares a network with b");
  });

  it("breaks a cycle at its weakest evidence", () => {
    const { links, messages } = read(`services:
  a: { image: x, environment: { B_URL: "http://b" } }
  b: { image: x, depends_on: [a] }
`);
    expect(links).toEqual(["b->a", "users->b"]);
    expect(messages).toContain("WARNING 2: the link a -> b (environment B_URL) is left out: with b -> a");
  });

  it("makes an external component of a host to call that is not in the file", () => {
    const { kinds, links, messages } = read(`services:
  a:
    image: x
    environment:
      PAYMENT_URL: https://pay.example.com/v1
      PUBLIC_URL: https://shop.example.com
      BIND_ADDR: 0.0.0.0:80
`);
    expect(kinds).toEqual({ a: "service", "pay.example.com": "external", users: "client" });
    expect(links).toEqual(["a->pay.example.com", "users->a"]);
    expect(messages).toContain("WARNING 5: environment PAYMENT_URL of a names");
    expect(messages).toContain('INFO 6: environment PUBLIC_URL of a mentions "shop.example.com"');
  });

  it("turns a load generator into a client with its rate", () => {
    const { architecture, kinds } = read(`services:
  api: { image: x, ports: [80] }
  load: { image: grafana/k6, environment: { TARGET: "http://api", RATE: "120" } }
`);
    expect(kinds).toEqual({ api: "service", load: "client" });
    expect(architecture.workloads).toMatchObject([{ component: "load", kind: "poisson", ratePerSecond: 120 }]);
  });

  it("gives names that are no ids a valid one", () => {
    const { kinds, messages } = read("services:\n  Web_App: { image: x }\n  web_app: { image: x }\n");
    expect(Object.keys(kinds)).toEqual(["web_app", "web_app-2", "users"]);
    expect(messages).toContain('INFO 2: "Web_App" became the component "web_app"');
  });

  it("calls what nobody calls when nothing is published", () => {
    expect(read("services:\n  a: { image: x, depends_on: [b] }\n  b: { image: x }\n").links).toEqual([
      "a->b",
      "users->a",
    ]);
  });

  it("refuses files without services", () => {
    for (const content of ["version: '3'", "services: {}", "services: []", "- a", "services:\n  a: 1"]) {
      expect(() => importCompose(content), content).toThrow(ImportError);
    }
  });
});
