import { defineTemplate } from "./define-template.ts";

/** Reads outnumber writes a hundred to one, so the hit ratio of the cache decides about everything behind it. */
export const urlShortener = defineTemplate({
  id: "url-shortener",
  name: "URL shortener",
  description:
    "Redirects answered from a cache, with a key-value store behind it and clicks counted on the side. Lower the hit ratio from 95 % to 85 % and the store gets three times the load.",
  tags: ["cache", "read-heavy"],
  architecture: {
    components: [
      { id: "visitors", kind: "client", name: "Visitors" },
      { id: "authors", kind: "client", name: "Authors" },
      { id: "edge", kind: "load_balancer", name: "Edge", image: "haproxy:3.2", concurrency: 512 },
      {
        id: "redirector",
        kind: "service",
        name: "Redirector",
        instances: 4,
        concurrency: 8,
        serviceTime: { meanMs: 0.8, cv: 0.5 },
      },
      { id: "link-api", kind: "service", name: "Link API", instances: 2, concurrency: 4, serviceTime: { meanMs: 8 } },
      {
        id: "link-cache",
        kind: "cache",
        name: "Link cache",
        image: "valkey/valkey:8",
        concurrency: 16,
        hitRatio: 0.95,
      },
      {
        id: "link-store",
        kind: "database",
        name: "Link store",
        image: "cassandra:5",
        concurrency: 4,
        instances: 3,
        serviceTime: { kind: "lognormal", meanMs: 10, cv: 1 },
      },
      {
        id: "click-stream",
        kind: "queue",
        name: "Click stream",
        image: "redpandadata/redpanda:v25.2.1",
        concurrency: 32,
      },
      {
        id: "click-counter",
        kind: "service",
        name: "Click counter",
        instances: 2,
        concurrency: 4,
        serviceTime: { meanMs: 0.8 },
      },
    ],
    links: [
      { from: "visitors", to: "edge", latency: { kind: "lognormal", meanMs: 25, cv: 0.7 }, timeoutMs: 3000 },
      { from: "authors", to: "link-api", latency: { kind: "lognormal", meanMs: 40, cv: 0.7 }, timeoutMs: 5000 },
      { from: "edge", to: "redirector", timeoutMs: 1000, retries: 1, retryBackoffMs: 20 },
      { from: "redirector", to: "link-cache", timeoutMs: 250 },
      { from: "redirector", to: "click-stream", asynchronous: true },
      { from: "link-cache", to: "link-store", timeoutMs: 200 },
      { from: "link-api", to: "link-store", callsPerRequest: 2 },
      { from: "click-stream", to: "click-counter", retries: 3 },
    ],
    workloads: [
      { component: "visitors", kind: "poisson", ratePerSecond: 5000 },
      { component: "authors", kind: "poisson", ratePerSecond: 150 },
    ],
  },
});
