/** For tests: systems to break. */
import type { Architecture } from "../architecture.ts";
import { component, constant, exponential, link, poisson } from "../scenario.ts";

/** One slot that serves 100/s, and callers who wait for 200 ms and try again at once, whatever becomes of the work. */
export function stormSystem(ratePerSecond: number, retries = 3): Architecture {
  return {
    components: [component("client", "client"), component("api", "service", { serviceTime: exponential(10) })],
    links: [link("client", "api", { timeoutMs: 200, retries })],
    workloads: [poisson("client", ratePerSecond)],
  };
}

/** Has everything that some fault is about. */
export const richSystem: Architecture = {
  components: [
    component("client", "client"),
    component("web", "service", {
      instances: 4,
      concurrency: 8,
      serviceTime: exponential(5),
      rateLimit: { perSecond: 500, burst: 50 },
    }),
    component("cache", "cache", {
      cache: { keys: 100, skew: 1, capacity: 50, policy: "lru", ttlMs: 0, singleFlight: true },
    }),
    component("flat", "cache", { hitRatio: 0.8 }),
    component("db", "database", { instances: 3, concurrency: 10, serviceTime: exponential(4) }),
    component("queue", "queue", { concurrency: 4 }),
    component("worker", "service", { instances: 2, concurrency: 4, serviceTime: exponential(8) }),
  ],
  links: [
    link("client", "web", { timeoutMs: 1000, retries: 1, retryBackoffMs: 10 }),
    link("web", "cache", { latency: constant(1) }),
    link("cache", "db", {
      timeoutMs: 200,
      maxConnections: 6,
      bandwidthMbps: 100,
      breaker: { failures: 5, openMs: 1000 },
    }),
    link("web", "flat"),
    link("flat", "db", { timeoutMs: 200 }),
    link("web", "queue"),
    link("queue", "worker", { timeoutMs: 500, retries: 1, maxConnections: 4 }),
  ],
  workloads: [poisson("client", 100)],
};
