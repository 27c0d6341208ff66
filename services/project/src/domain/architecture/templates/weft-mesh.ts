import { defineTemplate } from "./define-template.ts";

/**
 * What our clients do on every link, as far as a model can say it: a fifth of the calls may be repeated, five failures in a row
 * rest an instance for two seconds, and a call that is given up is cancelled at the peer. A lane carries any number of calls.
 */
const meshCall = {
  latency: { kind: "constant", meanMs: 0.1 },
  timeoutCancels: true,
  retries: 1,
  retryBackoffMs: 5,
  retryBudget: { ratio: 0.2, burst: 100, scope: "client" },
  breaker: { failures: 5, openMs: 2000 },
} as const;

/** A process of ours: an event loop on one core, which holds nothing while it waits for others, and admits so many at once. */
const eventLoop = { kind: "service", concurrency: 1000, cpus: 1, holdsSlot: false, dropsExpired: true } as const;

/** Weft's own services. Times are those of calls over lanes on one machine: fractions of a millisecond. */
export const weftMesh = defineTemplate({
  id: "weft-mesh",
  name: "Weft service mesh",
  description:
    "Weft itself: gateway, auth, user, project and simulation services on PostgreSQL and Redis. Every request is authorised first, so auth answers more calls than any other service.",
  tags: ["mesh", "weft", "platform"],
  architecture: {
    components: [
      { id: "console", kind: "client", name: "Consoles and API consumers", fanOut: "sequential" },
      { ...eventLoop, id: "gateway", name: "Gateway", instances: 2, serviceTime: { meanMs: 0.4, cv: 0.6 } },
      { ...eventLoop, id: "auth-service", name: "Auth service", serviceTime: { meanMs: 0.3, cv: 0.5 } },
      { ...eventLoop, id: "user-service", name: "User service", serviceTime: { meanMs: 0.4 } },
      { ...eventLoop, id: "project-service", name: "Project service", instances: 2, serviceTime: { meanMs: 0.8 } },
      // Runs are long and fill a worker each; the gateway only starts them and reads their state.
      {
        ...eventLoop,
        id: "simulation-service",
        name: "Simulation service",
        instances: 2,
        serviceTime: { meanMs: 0.9 },
      },
      {
        id: "postgres",
        kind: "database",
        name: "PostgreSQL",
        image: "postgres:18",
        concurrency: 12,
        serviceTime: { kind: "lognormal", meanMs: 4, cv: 1.2 },
      },
      {
        id: "redis",
        kind: "cache",
        name: "Redis",
        image: "redis:7",
        concurrency: 8,
        hitRatio: 1,
        serviceTime: { meanMs: 0.3, cv: 0.5 },
      },
    ],
    links: [
      { from: "console", to: "gateway", latency: { kind: "lognormal", meanMs: 30, cv: 0.5 }, timeoutMs: 15_000 },
      { ...meshCall, from: "gateway", to: "auth-service", timeoutMs: 250 },
      { ...meshCall, from: "gateway", to: "user-service", timeoutMs: 1000, callsPerRequest: 0.2 },
      { ...meshCall, from: "gateway", to: "project-service", timeoutMs: 1000, callsPerRequest: 0.6 },
      { ...meshCall, from: "gateway", to: "simulation-service", timeoutMs: 5000, callsPerRequest: 0.15 },
      // Sessions and permissions are nearly always in Redis.
      { from: "auth-service", to: "redis", latency: { kind: "constant", meanMs: 0.2 } },
      { from: "auth-service", to: "postgres", callsPerRequest: 0.05, maxConnections: 10 },
      { from: "user-service", to: "postgres", callsPerRequest: 1, maxConnections: 10 },
      { from: "project-service", to: "redis", latency: { kind: "constant", meanMs: 0.2 } },
      { from: "project-service", to: "postgres", callsPerRequest: 0.8, maxConnections: 10 },
      { from: "simulation-service", to: "redis", latency: { kind: "constant", meanMs: 0.2 }, callsPerRequest: 4 },
      { from: "simulation-service", to: "postgres", callsPerRequest: 1, maxConnections: 10 },
    ],
    workloads: [{ component: "console", kind: "poisson", ratePerSecond: 1500, deadlineMs: 1000 }],
  },
});
