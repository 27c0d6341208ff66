import { defineTemplate } from "./define-template.ts";

/** A slow partner in the middle of the path: timeouts and retries here decide between delay and collapse. */
export const payments = defineTemplate({
  id: "payments",
  name: "Payments with an external provider",
  description:
    "Checkout, fraud check, ledger and a payment provider that answers in a third of a second and fails now and then. Try shorter timeouts and more retries, then slow the provider down.",
  tags: ["payments", "external", "retries"],
  architecture: {
    components: [
      { id: "merchants", kind: "client", name: "Merchants" },
      { id: "api-edge", kind: "load_balancer", name: "API edge", image: "envoyproxy/envoy:v1.35.0" },
      {
        id: "payment-api",
        kind: "service",
        name: "Payment API",
        instances: 4,
        concurrency: 32,
        serviceTime: { meanMs: 8 },
      },
      {
        id: "fraud-check",
        kind: "service",
        name: "Fraud check",
        instances: 2,
        concurrency: 8,
        serviceTime: { kind: "lognormal", meanMs: 45, cv: 0.7 },
      },
      { id: "risk-cache", kind: "cache", name: "Risk features", image: "redis:8", hitRatio: 1 },
      {
        id: "provider-gateway",
        kind: "service",
        name: "Provider gateway",
        instances: 3,
        concurrency: 40,
        serviceTime: { meanMs: 4 },
      },
      {
        id: "payment-provider",
        kind: "external",
        name: "Payment service provider",
        serviceTime: { kind: "lognormal", meanMs: 320, cv: 0.7 },
        errorRatio: 0.005,
      },
      {
        id: "ledger-db",
        kind: "database",
        name: "Ledger",
        image: "cockroachdb/cockroach:v25.3.0",
        concurrency: 12,
        serviceTime: { kind: "lognormal", meanMs: 9, cv: 1 },
      },
      { id: "webhook-queue", kind: "queue", name: "Webhook queue", image: "rabbitmq:4" },
      { id: "webhook-sender", kind: "service", name: "Webhook sender", instances: 2, serviceTime: { meanMs: 80 } },
    ],
    links: [
      { from: "merchants", to: "api-edge", latency: { kind: "lognormal", meanMs: 50, cv: 0.5 }, timeoutMs: 15_000 },
      { from: "api-edge", to: "payment-api", timeoutMs: 10_000 },
      { from: "payment-api", to: "fraud-check", timeoutMs: 400 },
      { from: "fraud-check", to: "risk-cache", callsPerRequest: 4, timeoutMs: 100 },
      { from: "payment-api", to: "provider-gateway", timeoutMs: 5000 },
      {
        from: "provider-gateway",
        to: "payment-provider",
        latency: { kind: "lognormal", meanMs: 40, cv: 0.3 },
        timeoutMs: 2000,
        retries: 1,
        retryBackoffMs: 100,
      },
      // An intent before, the result after.
      { from: "payment-api", to: "ledger-db", callsPerRequest: 3 },
      { from: "payment-api", to: "webhook-queue", asynchronous: true, retries: 3 },
      { from: "webhook-queue", to: "webhook-sender", timeoutMs: 10_000, retries: 5, retryBackoffMs: 2000 },
    ],
    workloads: [{ component: "merchants", kind: "poisson", ratePerSecond: 160 }],
  },
});
