import { createRedisPubSub, openRedis, type RedisHandles } from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { decodeFrame, encodeFrame } from "@weft/simulator/frames";
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
  p95Ms: 1.5,
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

  it("publishes frames in order and in the published layout, and does without Redis", async () => {
    const pubsub = createRedisPubSub({ redis, logger: silentLogger });
    const heard: Buffer[] = [];
    await pubsub.subscribe("simulation:*", (channel, payload) => {
      expect(channel).toBe(frameChannel("s1"));
      heard.push(payload);
    });
    const feed = pubsubFrameFeed(pubsub, silentLogger);
    const shown = { ...emptyFrame(simulation), simulatedMs: 1500, components: [component] };
    // As the run's own thread has made it; the runner counts frames itself.
    const encoded = encodeFrame(shown, { simulationId: "s1", status: "RUNNING", composedAtMs: 123.5 });
    for (let sequence = 1; sequence <= 99; sequence++) {
      feed.publish(simulation, "RUNNING", { ...shown, sequence, ...(sequence > 50 && { encoded }) });
    }
    feed.publish(simulation, "PAUSED", { ...shown, sequence: 100, encoded });
    await until("all arrived", () => heard.length === 100);
    const frames = heard.map((bytes) => decodeFrame(bytes));
    expect(frames.map(({ frame }) => frame.sequence)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    const figures = { simulatedMs: 1500, durationMs: 10_000, load: 2, components: [component] };
    expect(frames[0]).toMatchObject({ simulationId: "s1", status: "RUNNING", composedAtMs: 0, frame: figures });
    expect(frames[98]).toMatchObject({ simulationId: "s1", status: "RUNNING", composedAtMs: 123.5, frame: figures });
    expect(frames[99]?.status).toBe("PAUSED");
    await server.stop();
    await until("Redis is away", () => redis.state() === "away");
    expect(() => feed.publish(simulation, "COMPLETED", emptyFrame(simulation))).not.toThrow();
  });
});
