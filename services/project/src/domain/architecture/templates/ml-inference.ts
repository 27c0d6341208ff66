import { defineTemplate } from "./define-template.ts";

/** Few slots that are expensive: accelerators work on one batch at a time, and the large model is the scarce part. */
export const mlInference = defineTemplate({
  id: "ml-inference",
  name: "Machine-learning inference gateway",
  description:
    "Requests are answered from a semantic cache, by a small model, or by a large one on few accelerators. Change the weights of the router and see cost turn into latency.",
  tags: ["machine-learning", "routing", "accelerators"],
  architecture: {
    components: [
      { id: "applications", kind: "client", name: "Applications" },
      {
        id: "inference-gateway",
        kind: "service",
        name: "Inference gateway",
        instances: 3,
        concurrency: 32,
        serviceTime: { meanMs: 5 },
      },
      { id: "quota-cache", kind: "cache", name: "Quotas", image: "redis:8", hitRatio: 1 },
      {
        id: "semantic-cache",
        kind: "cache",
        name: "Semantic cache",
        image: "redis/redis-stack:7.4",
        hitRatio: 0.35,
        concurrency: 64,
        serviceTime: { meanMs: 12, cv: 0.6 },
      },
      { id: "model-router", kind: "load_balancer", name: "Model router", concurrency: 256 },
      {
        id: "small-model",
        kind: "service",
        name: "Small model",
        instances: 4,
        concurrency: 8,
        queueCapacity: 64,
        serviceTime: { kind: "lognormal", meanMs: 220, cv: 0.5 },
      },
      {
        id: "large-model",
        kind: "service",
        name: "Large model",
        instances: 8,
        concurrency: 4,
        queueCapacity: 32,
        serviceTime: { kind: "lognormal", meanMs: 1400, cv: 0.7 },
      },
      {
        id: "vector-store",
        kind: "database",
        name: "Vector store",
        image: "qdrant/qdrant:v1.15.4",
        serviceTime: { meanMs: 18 },
      },
      { id: "usage-events", kind: "queue", name: "Usage events", image: "nats:2" },
      { id: "billing", kind: "service", name: "Usage accounting", concurrency: 4, serviceTime: { meanMs: 15 } },
    ],
    links: [
      {
        from: "applications",
        to: "inference-gateway",
        latency: { kind: "lognormal", meanMs: 25, cv: 0.5 },
        timeoutMs: 30_000,
      },
      { from: "inference-gateway", to: "quota-cache", timeoutMs: 100 },
      { from: "inference-gateway", to: "semantic-cache", timeoutMs: 20_000 },
      { from: "semantic-cache", to: "model-router", timeoutMs: 20_000 },
      { from: "model-router", to: "small-model", weight: 80, timeoutMs: 5000 },
      { from: "model-router", to: "large-model", weight: 20, timeoutMs: 15_000 },
      { from: "large-model", to: "vector-store", callsPerRequest: 2 },
      { from: "small-model", to: "vector-store" },
      { from: "inference-gateway", to: "usage-events", asynchronous: true, retries: 3 },
      { from: "usage-events", to: "billing", retries: 5, retryBackoffMs: 500 },
    ],
    workloads: [{ component: "applications", kind: "poisson", ratePerSecond: 110 }],
  },
});
