import { defineTemplate } from "./define-template.ts";

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
      {
        id: "gateway",
        kind: "service",
        name: "Gateway",
        instances: 2,
        concurrency: 32,
        serviceTime: { meanMs: 0.4, cv: 0.6 },
      },
      {
        id: "auth-service",
        kind: "service",
        name: "Auth service",
        concurrency: 4,
        serviceTime: { meanMs: 0.3, cv: 0.5 },
      },
      { id: "user-service", kind: "service", name: "User service", concurrency: 4, serviceTime: { meanMs: 0.6 } },
      {
        id: "project-service",
        kind: "service",
        name: "Project service",
        instances: 2,
        concurrency: 8,
        serviceTime: { meanMs: 1.2 },
      },
      // Runs are long and fill a worker each; the gateway only starts them and reads their state.
      {
        id: "simulation-service",
        kind: "service",
        name: "Simulation service",
        instances: 2,
        concurrency: 4,
        serviceTime: { kind: "lognormal", meanMs: 18, cv: 1.2 },
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
      { from: "gateway", to: "auth-service", latency: { kind: "constant", meanMs: 0.1 }, timeoutMs: 250, retries: 1 },
      { from: "gateway", to: "user-service", latency: { kind: "constant", meanMs: 0.1 }, callsPerRequest: 0.2 },
      { from: "gateway", to: "project-service", latency: { kind: "constant", meanMs: 0.1 }, callsPerRequest: 0.6 },
      {
        from: "gateway",
        to: "simulation-service",
        latency: { kind: "constant", meanMs: 0.1 },
        callsPerRequest: 0.15,
        timeoutMs: 5000,
      },
      // Sessions and permissions are nearly always in Redis.
      { from: "auth-service", to: "redis", latency: { kind: "constant", meanMs: 0.2 } },
      { from: "auth-service", to: "postgres", callsPerRequest: 0.05 },
      { from: "user-service", to: "postgres", callsPerRequest: 1 },
      { from: "project-service", to: "redis", latency: { kind: "constant", meanMs: 0.2 } },
      { from: "project-service", to: "postgres", callsPerRequest: 0.8 },
      { from: "simulation-service", to: "redis", latency: { kind: "constant", meanMs: 0.2 }, callsPerRequest: 4 },
      { from: "simulation-service", to: "postgres", callsPerRequest: 1 },
    ],
    workloads: [{ component: "console", kind: "poisson", ratePerSecond: 1500 }],
  },
});
