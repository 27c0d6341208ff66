import { startService } from "@weft/mesh";
import { serviceEnvironment } from "../contenders/weft.ts";
import { liveMessage } from "./dialects.ts";
import { answerLiveOrders } from "./live-process.ts";
import { Arrivals, type Publication, type Publish, runPublishing } from "./publishing.ts";

/*
 * Publishes to the gateway as the services do, being one: through the mesh and Redis. Into a project's channel by the
 * channel log, which gives each message its position and keeps it; into others by plain pub/sub, a batch as one list.
 */

const arrivals = new Arrivals();
let publish: Publish = () => {
  throw new Error("Redis is not connected yet");
};

async function connect(redisUrl: string): Promise<void> {
  const { mesh } = await startService({
    name: "bench-publisher",
    version: "1.0.0",
    basePort: 0,
    handleSignals: false,
    env: serviceEnvironment(redisUrl),
    uses: { publishes: ["project:*", "traces:*"] },
    setup: () => ({ routes: () => undefined }),
  });
  const { channels: log, pubsub } = mesh;
  // Redis has to be told the script of the log once, and messages sent meanwhile would overtake each other.
  await log.publish("project:nobody", "{}");
  publish = (publication) => {
    const { channel } = publication;
    const text = textOf(publication);
    return channel.startsWith("project:") ? log.publish(channel, text) : pubsub.publish(channel, text);
  };
}

function textOf({ first, messages }: Publication): string {
  return messages === 1
    ? JSON.stringify(liveMessage(first))
    : JSON.stringify({ messages: Array.from({ length: messages }, (_, index) => liveMessage(first + index)) });
}

answerLiveOrders(
  async (order) => {
    switch (order.kind) {
      case "connect":
        return connect(order.redisUrl);
      case "publish-closed":
      case "publish-open":
        return runPublishing(order, publish, arrivals);
      default:
        throw new Error(`a publisher does not know the order ${order.kind}`);
    }
  },
  ({ arrived }) => {
    arrivals.arrived = arrived;
  },
);
