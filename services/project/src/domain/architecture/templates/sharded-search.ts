import { defineTemplate } from "./define-template.ts";

const shards = ["shard-a", "shard-b", "shard-c", "shard-d"];

/** Every query waits for its slowest shard: the tail of one shard becomes the middle of the whole. */
export const shardedSearch = defineTemplate({
  id: "sharded-search",
  name: "Search over a sharded index",
  description:
    "A query goes to four shards at once and waits for all of them; popular queries come from a cache. Compare the latency of one shard with that of a whole query, then make one shard slow.",
  tags: ["search", "parallel", "tail-latency"],
  architecture: {
    components: [
      { id: "searchers", kind: "client", name: "Searchers" },
      { id: "edge", kind: "load_balancer", name: "Load balancer", image: "nginx:1.29" },
      {
        id: "search-api",
        kind: "service",
        name: "Search API",
        instances: 4,
        concurrency: 24,
        serviceTime: { meanMs: 4 },
      },
      { id: "query-cache", kind: "cache", name: "Popular queries", image: "memcached:1.6", hitRatio: 0.4 },
      {
        id: "query-broker",
        kind: "service",
        name: "Query broker",
        instances: 3,
        concurrency: 16,
        fanOut: "parallel",
        serviceTime: { meanMs: 3 },
      },
      ...shards.map((id) => ({
        id,
        kind: "database",
        name: `Index ${id}`,
        image: "opensearchproject/opensearch:3",
        instances: 2,
        concurrency: 8,
        serviceTime: { kind: "lognormal", meanMs: 22, cv: 0.9 },
      })),
      {
        id: "snippets",
        kind: "service",
        name: "Snippet service",
        instances: 2,
        concurrency: 8,
        serviceTime: { meanMs: 12 },
      },
    ],
    links: [
      { from: "searchers", to: "edge", latency: { kind: "lognormal", meanMs: 30, cv: 0.6 }, timeoutMs: 5000 },
      { from: "edge", to: "search-api", timeoutMs: 2000 },
      { from: "search-api", to: "query-cache", timeoutMs: 1000 },
      { from: "query-cache", to: "query-broker", timeoutMs: 800 },
      ...shards.map((to) => ({ from: "query-broker", to, timeoutMs: 500 })),
      { from: "search-api", to: "snippets", timeoutMs: 300 },
    ],
    workloads: [{ component: "searchers", kind: "poisson", ratePerSecond: 700 }],
  },
});
