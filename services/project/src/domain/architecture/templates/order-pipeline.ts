import { defineTemplate } from "./define-template.ts";

/** Orders are accepted fast and worked off behind a broker: the answer's latency and the work's backlog are two things. */
export const orderPipeline = defineTemplate({
  id: "order-pipeline",
  name: "Event-driven order pipeline",
  description:
    "An order API that only stores and publishes; billing, stock, shipping and mail consume the events. Overload the slowest consumer: customers notice nothing while its backlog grows.",
  tags: ["events", "queue", "asynchronous"],
  architecture: {
    components: [
      { id: "shop-frontends", kind: "client", name: "Shop frontends" },
      { id: "order-api", kind: "service", name: "Order API", instances: 3, serviceTime: { meanMs: 6 } },
      {
        id: "orders-db",
        kind: "database",
        name: "Order database",
        image: "postgres:18",
        concurrency: 12,
        serviceTime: { meanMs: 6 },
      },
      { id: "order-events", kind: "queue", name: "Order events", image: "apache/kafka:4.1.0", instances: 3 },
      {
        id: "billing-worker",
        kind: "service",
        name: "Billing worker",
        instances: 4,
        concurrency: 24,
        serviceTime: { meanMs: 15 },
      },
      {
        id: "stock-worker",
        kind: "service",
        name: "Stock worker",
        instances: 2,
        concurrency: 8,
        serviceTime: { meanMs: 12 },
      },
      {
        id: "shipping-worker",
        kind: "service",
        name: "Shipping worker",
        instances: 4,
        concurrency: 16,
        serviceTime: { kind: "lognormal", meanMs: 90, cv: 1 },
      },
      { id: "mail-worker", kind: "service", name: "Mail worker", instances: 3, serviceTime: { meanMs: 20 } },
      { id: "stock-db", kind: "database", name: "Stock database", image: "mariadb:12", concurrency: 12 },
      {
        id: "card-processor",
        kind: "external",
        name: "Card processor",
        serviceTime: { kind: "lognormal", meanMs: 130, cv: 0.8 },
        errorRatio: 0.01,
      },
      { id: "mail-provider", kind: "external", name: "Mail provider" },
    ],
    links: [
      { from: "shop-frontends", to: "order-api", latency: { kind: "lognormal", meanMs: 35, cv: 0.5 }, timeoutMs: 5000 },
      { from: "order-api", to: "orders-db", callsPerRequest: 2 },
      { from: "order-api", to: "order-events", timeoutMs: 500, retries: 2 },
      { from: "order-events", to: "billing-worker", timeoutMs: 5000, retries: 5, retryBackoffMs: 500 },
      { from: "order-events", to: "stock-worker", timeoutMs: 2000, retries: 5, retryBackoffMs: 200 },
      { from: "order-events", to: "shipping-worker", timeoutMs: 5000, retries: 5, retryBackoffMs: 500 },
      { from: "order-events", to: "mail-worker", timeoutMs: 5000, retries: 3, retryBackoffMs: 1000 },
      { from: "billing-worker", to: "card-processor", latency: { kind: "constant", meanMs: 25 }, timeoutMs: 3000 },
      { from: "billing-worker", to: "orders-db" },
      { from: "stock-worker", to: "stock-db", callsPerRequest: 2 },
      { from: "mail-worker", to: "mail-provider", latency: { kind: "constant", meanMs: 20 }, timeoutMs: 3000 },
    ],
    workloads: [{ component: "shop-frontends", kind: "poisson", ratePerSecond: 300 }],
  },
});
