import { createHoldingPublisher, decodePublication, seededRandom } from "@weft/mesh";
import { createMemoryChannelLog, createMemoryPubSub, FakeClock, silentLogger, until } from "@weft/mesh/testing";
import { expect, it } from "vitest";
import { liveChangeFeed } from "./live-change-feed.ts";

const atMs = Date.UTC(2026, 0, 2);
const by = { userId: "u", username: "ada" };

it("gives changes a place that can be recovered, and presence none", async () => {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const pubsub = createMemoryPubSub({ logger: silentLogger });
  const log = createMemoryChannelLog({ pubsub, clock, random });
  const changes = createHoldingPublisher({ log, clock, random, logger: silentLogger });
  const feed = liveChangeFeed({ changes, pubsub, logger: silentLogger });
  const heard: Buffer[] = [];
  await pubsub.subscribe("project:*", (_channel, message) => void heard.push(message));
  const before = await log.position("project:p");

  await feed.publish({ type: "updated", projectId: "p", version: 2, change: "updated", by, atMs });
  const collaborator = { ...by, component: "db", lastSeenAtMs: atMs };
  await feed.publish({ type: "presence", projectId: "p", collaborators: [collaborator], atMs });
  await feed.publish({ type: "deleted", projectId: "p", by, atMs });
  await until("all are heard", () => heard.length === 3);

  const at = "2026-01-02T00:00:00.000Z";
  expect(heard.map((message) => decodePublication(message)?.offset)).toEqual([1, undefined, 2]);
  expect(JSON.parse(String(heard[1]))).toEqual({
    type: "presence",
    projectId: "p",
    at,
    collaborators: [{ ...by, component: "db", lastSeenAt: at }],
  });
  const missed = await log.since("project:p", before);
  expect(missed.recovered && missed.publications.map(({ payload }) => JSON.parse(payload))).toEqual([
    { type: "updated", projectId: "p", version: 2, change: "updated", by, at },
    { type: "deleted", projectId: "p", by, at },
  ]);
});

it("lets a change stand that cannot be told", async () => {
  const refuse = { publish: () => Promise.reject(new Error("refused")) };
  const feed = liveChangeFeed({ changes: refuse, pubsub: refuse, logger: silentLogger });
  await expect(feed.publish({ type: "deleted", projectId: "p", by, atMs })).resolves.toBeUndefined();
});
