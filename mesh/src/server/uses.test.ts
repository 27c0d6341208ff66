import { describe, expect, it } from "vitest";
import { createMemoryChannelLog } from "../channels/memory-channel-log.ts";
import { createMemoryPubSub } from "../pubsub/memory-pubsub.ts";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { silentLogger } from "../testing/silent-logger.ts";
import { checkUses, declaredChannels, declaredPubSub, type Uses } from "./uses.ts";

const uses: Uses = { database: true, publishes: ["project:*"], subscribes: ["auth:revocations"] };

describe("what a service uses", () => {
  it("must have an address for each of its stores", () => {
    expect(() => checkUses(uses, { databaseUrl: undefined, redisUrl: "redis://r" })).toThrow(
      /DATABASE_URL is required/,
    );
    expect(() => checkUses(uses, { databaseUrl: "postgres://p", redisUrl: undefined })).toThrow(
      /REDIS_URL is required for project:\*, auth:revocations/,
    );
    expect(() => checkUses(uses, { databaseUrl: "postgres://p", redisUrl: "redis://r" })).not.toThrow();
    expect(() => checkUses(undefined, { databaseUrl: undefined, redisUrl: undefined })).not.toThrow();
  });

  it("bounds which channels it may write and read", async () => {
    const pubsub = declaredPubSub(createMemoryPubSub({ logger: silentLogger }), uses);
    const heard: string[] = [];
    await pubsub.subscribe("auth:revocations", (_, payload) => void heard.push(payload.toString()));
    await expect(pubsub.publish("project:1", "x")).resolves.toBe(0);
    await expect(pubsub.publish("auth:revocations", "x")).rejects.toMatchObject({ meshCode: "CHANNEL_UNDECLARED" });
    await expect(pubsub.subscribe("project:*", () => undefined)).rejects.toThrow(
      /declared to be subscribed: auth:revocations/,
    );
    expect(heard).toEqual([]);
    await pubsub.close();
  });

  it("bounds which recoverable channels it may write and read", async () => {
    const pubsub = createMemoryPubSub({ logger: silentLogger });
    const log = createMemoryChannelLog({ pubsub, clock: new FakeClock(), random: seededRandom(1) });
    const channels = declaredChannels(log, { publishes: ["project:*"], subscribes: ["notifications:*"] });
    const { epoch, offset } = await channels.publish("project:1", "x");
    expect(offset).toBe(1);
    await expect(channels.publish("notifications:1", "x")).rejects.toMatchObject({ meshCode: "CHANNEL_UNDECLARED" });
    expect((await channels.position("notifications:1")).offset).toBe(0);
    await expect(channels.position("project:1")).rejects.toThrow(/declared to be subscribed: notifications:\*/);
    await expect(channels.since("project:1", { epoch, offset })).rejects.toMatchObject({
      meshCode: "CHANNEL_UNDECLARED",
    });
    expect(declaredChannels(log, undefined)).toBe(log);
    await pubsub.close();
  });

  it("is everything when nothing is declared", async () => {
    const inner = createMemoryPubSub({ logger: silentLogger });
    expect(declaredPubSub(inner, undefined)).toBe(inner);
    await inner.close();
  });
});
