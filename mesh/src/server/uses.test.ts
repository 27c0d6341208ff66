import { describe, expect, it } from "vitest";
import { createMemoryPubSub } from "../pubsub/memory-pubsub.ts";
import { silentLogger } from "../testing/silent-logger.ts";
import { checkUses, declaredPubSub, type Uses } from "./uses.ts";

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

  it("is everything when nothing is declared", async () => {
    const inner = createMemoryPubSub({ logger: silentLogger });
    expect(declaredPubSub(inner, undefined)).toBe(inner);
    await inner.close();
  });
});
