import { defineTemplate } from "./define-template.ts";

/** Fan-out on write: a post is copied into its followers' timelines, so that reading one is a single lookup. */
export const socialFeed = defineTemplate({
  id: "social-feed",
  name: "Social feed with fan-out on write",
  description:
    "Readers get ready-made timelines; each post is written into the timelines of its followers in the background. Reads stay fast while posts of popular people keep the fan-out workers busy.",
  tags: ["social", "fan-out", "queue"],
  architecture: {
    components: [
      { id: "readers", kind: "client", name: "Readers" },
      { id: "posters", kind: "client", name: "Posters" },
      { id: "feed-api", kind: "service", name: "Feed API", instances: 4, concurrency: 16, serviceTime: { meanMs: 6 } },
      { id: "post-api", kind: "service", name: "Post API", instances: 2, concurrency: 4, serviceTime: { meanMs: 10 } },
      {
        id: "timelines",
        kind: "cache",
        name: "Timelines",
        image: "redis:8",
        instances: 3,
        concurrency: 8,
        hitRatio: 0.98,
        serviceTime: { meanMs: 0.8, cv: 0.5 },
      },
      { id: "media-cache", kind: "cache", name: "Post bodies", image: "memcached:1.6", concurrency: 32, hitRatio: 0.9 },
      {
        id: "posts-db",
        kind: "database",
        name: "Posts",
        image: "mysql:9",
        instances: 2,
        concurrency: 12,
        serviceTime: { meanMs: 8 },
      },
      {
        id: "graph-db",
        kind: "database",
        name: "Followers",
        image: "neo4j:5",
        concurrency: 8,
        serviceTime: { meanMs: 20 },
      },
      { id: "new-posts", kind: "queue", name: "New posts", image: "apache/kafka:4.1.0" },
      {
        id: "fan-out",
        kind: "service",
        name: "Fan-out workers",
        instances: 6,
        concurrency: 8,
        serviceTime: { meanMs: 15 },
      },
    ],
    links: [
      { from: "readers", to: "feed-api", latency: { kind: "lognormal", meanMs: 45, cv: 0.6 }, timeoutMs: 5000 },
      { from: "posters", to: "post-api", latency: { kind: "lognormal", meanMs: 45, cv: 0.6 }, timeoutMs: 5000 },
      { from: "feed-api", to: "timelines", timeoutMs: 200 },
      { from: "feed-api", to: "media-cache", callsPerRequest: 5, timeoutMs: 200 },
      { from: "timelines", to: "posts-db", timeoutMs: 1000 },
      { from: "media-cache", to: "posts-db", timeoutMs: 500 },
      { from: "post-api", to: "posts-db", callsPerRequest: 2 },
      { from: "post-api", to: "new-posts", retries: 2 },
      { from: "new-posts", to: "fan-out", timeoutMs: 30_000, retries: 5, retryBackoffMs: 500 },
      { from: "fan-out", to: "graph-db" },
      // Mean followers who are active: those who are away get their timeline when they return.
      { from: "fan-out", to: "timelines", callsPerRequest: 60, timeoutMs: 500, retries: 2 },
    ],
    workloads: [
      { component: "readers", kind: "closed", users: 8000, thinkTimeMs: 5000 },
      { component: "posters", kind: "poisson", ratePerSecond: 150 },
    ],
  },
});
