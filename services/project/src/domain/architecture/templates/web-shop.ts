import { defineTemplate } from "./define-template.ts";

/** The classic three tiers. The database is what runs out first, because every page asks it something. */
export const webShop = defineTemplate({
  id: "web-shop",
  name: "Three-tier web shop",
  description:
    "A load balancer, stateless web servers, a catalogue cache and one relational database. Raise the load and see when the database's connections, not its processor, become the limit.",
  tags: ["web", "three-tier", "cache"],
  architecture: {
    components: [
      { id: "shoppers", kind: "client", name: "Shoppers" },
      { id: "edge", kind: "load_balancer", name: "Load balancer", image: "nginx:1.29" },
      // Eight worker threads a server; rendering a page is most of their work.
      { id: "web", kind: "service", name: "Web servers", instances: 4, concurrency: 8, serviceTime: { meanMs: 14 } },
      { id: "catalogue-cache", kind: "cache", name: "Catalogue cache", image: "redis:8", hitRatio: 0.85 },
      {
        id: "orders-db",
        kind: "database",
        name: "Shop database",
        image: "postgres:18",
        concurrency: 10,
        serviceTime: { kind: "lognormal", meanMs: 7, cv: 1.5 },
      },
    ],
    links: [
      { from: "shoppers", to: "edge", latency: { kind: "lognormal", meanMs: 40, cv: 0.6 }, timeoutMs: 10_000 },
      { from: "edge", to: "web", timeoutMs: 5000 },
      { from: "web", to: "catalogue-cache", callsPerRequest: 3, timeoutMs: 200 },
      { from: "catalogue-cache", to: "orders-db", timeoutMs: 1000 },
      // One page in two also reads the basket or writes an order.
      { from: "web", to: "orders-db", callsPerRequest: 0.5, timeoutMs: 2000 },
    ],
    workloads: [{ component: "shoppers", kind: "poisson", ratePerSecond: 800 }],
  },
});
