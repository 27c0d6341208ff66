import { defineTemplate } from "./define-template.ts";

/** One message becomes many deliveries: callsPerRequest on the way out is the mean number of devices in a room. */
export const chatFanOut = defineTemplate({
  id: "chat-fan-out",
  name: "Chat with WebSocket fan-out",
  description:
    "People send messages over WebSocket gateways; each is stored once and delivered to every device of its room. Double the size of a room and the gateways, not the message service, feel it.",
  tags: ["real-time", "websocket", "fan-out"],
  architecture: {
    components: [
      { id: "people", kind: "client", name: "People writing" },
      {
        id: "socket-ingress",
        kind: "service",
        name: "WebSocket ingress",
        instances: 4,
        concurrency: 16,
        serviceTime: { meanMs: 0.5, cv: 0.5 },
      },
      { id: "message-service", kind: "service", name: "Message service", instances: 3, serviceTime: { meanMs: 5 } },
      {
        id: "presence-cache",
        kind: "cache",
        name: "Presence and membership",
        image: "redis:8",
        concurrency: 8,
        hitRatio: 1,
      },
      {
        id: "message-store",
        kind: "database",
        name: "Message store",
        image: "scylladb/scylla",
        instances: 3,
        concurrency: 8,
        serviceTime: { meanMs: 6 },
      },
      { id: "room-events", kind: "queue", name: "Room events", image: "nats:2", concurrency: 16, instances: 2 },
      {
        id: "fan-out",
        kind: "service",
        name: "Fan-out workers",
        instances: 6,
        concurrency: 12,
        fanOut: "parallel",
        serviceTime: { meanMs: 2 },
      },
      {
        id: "socket-delivery",
        kind: "service",
        name: "WebSocket delivery",
        instances: 6,
        concurrency: 4,
        serviceTime: { meanMs: 0.8, cv: 0.6 },
      },
      { id: "push-provider", kind: "external", name: "Push provider" },
    ],
    links: [
      { from: "people", to: "socket-ingress", latency: { kind: "lognormal", meanMs: 35, cv: 0.6 }, timeoutMs: 5000 },
      { from: "socket-ingress", to: "message-service", retries: 1 },
      { from: "message-service", to: "presence-cache" },
      { from: "message-service", to: "message-store" },
      { from: "message-service", to: "room-events", timeoutMs: 500, retries: 2 },
      { from: "room-events", to: "fan-out", retries: 3 },
      { from: "fan-out", to: "socket-delivery", callsPerRequest: 12, timeoutMs: 500 },
      // Devices that are away get a push; nobody waits for the provider.
      { from: "fan-out", to: "push-provider", callsPerRequest: 2, asynchronous: true, timeoutMs: 5000 },
    ],
    workloads: [{ component: "people", kind: "poisson", ratePerSecond: 1500 }],
  },
});
