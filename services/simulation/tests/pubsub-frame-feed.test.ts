import { fromJson } from "@bufbuild/protobuf";
import { createRedisPubSub, openRedis, type RedisHandles } from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { FrameSchema } from "@weft/proto/weft/simulation/v1/simulation_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { frameChannel, pubsubFrameFeed } from "../src/adapters/pubsub-frame-feed.ts";
import { emptyFrame } from "../src/domain/lifecycle/empty-frame.ts";
import { sampleSimulation } from "../src/domain/lifecycle/memory-ports.ts";

const simulation = sampleSimulation("s1", { durationSeconds: 10, load: 2 });
const component = {
  id: "api",
  requestsPerSecond: 1,
  failuresPerSecond: 0,
  utilization: 0.5,
  queueLength: 0,
  inFlight: 1,
  p50Ms: 1,
  p99Ms: 2,
};

describe.each(testRedisKinds)("pubsubFrameFeed with Redis (%s)", (kind) => {
  let server: TestStore;
  let redis: RedisHandles;

  beforeAll(async () => {
    server = await startTestRedis(kind);
    redis = openRedis({ url: server.url, logger: silentLogger, clientName: "simulation-test" });
    expect(await redis.whenReady(10_000)).toBe(true);
  });
  afterAll(async () => {
    await redis?.close();
    await server?.close();
  });

  it("publishes frames in order and in the form of the contract, and does without Redis", async () => {
    const pubsub = createRedisPubSub({ redis, logger: silentLogger });
    const heard: string[] = [];
    await pubsub.subscribe("simulation:*", (channel, payload) => {
      expect(channel).toBe(frameChannel("s1"));
      heard.push(payload.toString());
    });
    const feed = pubsubFrameFeed(pubsub, silentLogger);
    for (let sequence = 1; sequence <= 100; sequence++) {
      feed.publish(simulation, "RUNNING", {
        ...emptyFrame(simulation),
        sequence,
        simulatedMs: 1500,
        components: [component],
      });
    }
    await until("all arrived", () => heard.length === 100);
    // Unknown fields are refused here, so this is the published contract and nothing beside it.
    const frames = heard.map((text) => fromJson(FrameSchema, JSON.parse(text)));
    expect(frames.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(frames[0]).toMatchObject({
      simulationId: "s1",
      status: "RUNNING",
      simulatedSeconds: 1.5,
      durationSeconds: 10,
      load: 2,
      components: [component],
    });
    await server.stop();
    await until("Redis is away", () => redis.state() === "away");
    expect(() => feed.publish(simulation, "COMPLETED", emptyFrame(simulation))).not.toThrow();
  });
});
