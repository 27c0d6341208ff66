import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type ChannelLog,
  createRedisChannelLog,
  createRedisPubSub,
  openRedis,
  RedisAwayError,
  type RedisHandles,
  systemRandom,
} from "@weft/mesh";
import { faultsOfHistory, type PublishedChange, silentLogger, until } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";
import { RecordingReader } from "./recording-reader.ts";

/*
 * What a recoverable channel promises, in the three stories in which feeds usually lose something: between loading a state
 * and subscribing, when a gateway dies, and when Redis comes back empty. Real gateways on a real Redis; every client keeps
 * its history, and `faultsOfHistory` judges it. Fewer changes are published than a channel remembers, so nothing here depends
 * on how fast anybody is.
 */

const channel = "project:p";

// That every kind of Redis does the same is the matter of the contract of the log.
const [kind = "js"] = testRedisKinds;

describe(`on redis (${kind})`, () => {
  let store: TestStore;
  /** What publishes, as the project service does. */
  let redis: RedisHandles;
  let log: ChannelLog;
  /** The state: what has been changed, told or not. */
  let changes: string[];
  let published: PublishedChange[];
  const gateways: { readonly harness: GatewayHarness; readonly redis: RedisHandles }[] = [];
  const readers: RecordingReader[] = [];

  beforeAll(async () => {
    store = await startTestRedis(kind);
  });
  afterAll(() => store.close());
  beforeEach(async () => {
    redis = await openReady();
    await redis.commands.flushall();
    log = createRedisChannelLog({ redis, random: systemRandom });
    changes = [];
    published = [];
  });
  afterEach(async () => {
    await Promise.all(readers.splice(0).map((reader) => reader.stop()));
    await Promise.all(gateways.splice(0).map(stopGateway));
    await redis.close();
  });

  async function openReady(): Promise<RedisHandles> {
    const opened = openRedis({ url: store.url, logger: silentLogger, clientName: "test", commandTimeoutMs: 60_000 });
    expect(await opened.whenReady(15_000)).toBe(true);
    return opened;
  }

  async function openGateway(): Promise<GatewayHarness> {
    const own = await openReady();
    const live = {
      pubsub: createRedisPubSub({ redis: own, logger: silentLogger }),
      channels: createRedisChannelLog({ redis: own, random: systemRandom }),
    };
    const harness = await startGateway({
      env: { WEFT_WS_FRAMES_PER_SECOND: "1000" },
      live,
      routes: (router) => router.service(ProjectService, { getProject: ({ id }) => ({ project: { id } }) }),
    });
    gateways.push({ harness, redis: own });
    return harness;
  }

  async function stopGateway(gateway: (typeof gateways)[number]): Promise<void> {
    await gateway.harness.stop();
    await gateway.redis.close();
  }

  function openReader(port: () => number, recovers = true): RecordingReader {
    // As a service answers: what it has read, some turns later.
    const load = async () => {
      const state = [...changes];
      await nextTurn();
      return state;
    };
    const reader = new RecordingReader({ channel, token: "alice", port, load, recovers });
    readers.push(reader);
    return reader;
  }

  /** Makes a change and tells it; tells it again while Redis is away. */
  async function change(): Promise<void> {
    const payload = `change ${changes.length + 1}`;
    changes.push(payload);
    for (;;) {
      try {
        published.push({ position: await log.publish(channel, JSON.stringify(payload)), payload });
        return;
      } catch (error) {
        if (!(error instanceof RedisAwayError)) {
          throw error;
        }
        await until("Redis is back", () => redis.state() === "ready");
      }
    }
  }

  async function makeChanges(times: number): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      await change();
    }
  }

  const isAt = (reader: RecordingReader, offset: number) => (reader.position?.offset ?? -1) >= offset;

  /** Waits until all readers have come to the end, and gives what is wrong with their histories. */
  async function faults(): Promise<string[]> {
    const end = published.at(-1)?.position;
    await until("all have come to the end", () =>
      readers.every(({ position }) => position?.epoch === end?.epoch && position?.offset === end?.offset),
    );
    return readers.flatMap((reader, index) =>
      faultsOfHistory(published, reader.events).map((fault) => `reader ${index}: ${fault}`),
    );
  }

  it("nothing falls between a state and the feed, whenever a client comes", async () => {
    const gateway = await openGateway();
    const changing = makeChanges(150);
    for (let count = 0; count < 10; count += 1) {
      const before = published.length;
      openReader(() => gateway.port);
      await until("more is published", () => published.length > before || published.length === 150);
    }
    await changing;
    await change();
    expect(await faults()).toEqual([]);
  });

  it("a client that loads the state before it subscribes is caught missing what came between", async () => {
    const gateway = await openGateway();
    const early = [...changes];
    await change();
    const reader = openReader(() => gateway.port);
    await until("it is subscribed", () => reader.count("loaded") === 1);
    await change();
    expect(await faults()).toEqual([]);
    const events = reader.events.filter((event) => event.kind !== "loaded");
    const history = faultsOfHistory(published, [{ kind: "loaded", payloads: early }, ...events]);
    expect(history).toContain("never learned of change 1");
  });

  it("a gateway that is killed in mid-stream costs its clients nothing", async () => {
    const doomed = await openGateway();
    const other = await openGateway();
    let port = doomed.port;
    const moving = [1, 2, 3].map(() => openReader(() => port));
    const staying = openReader(() => other.port);
    await until("all have loaded the state", () => readers.every((reader) => reader.count("loaded") === 1));
    const changing = makeChanges(200);
    await until("it is mid-stream", () => readers.every((reader) => isAt(reader, 20)));
    port = other.port;
    await stopGateway(gateways.splice(0, 1)[0] as (typeof gateways)[number]);
    await until("all are back", () => moving.every((reader) => reader.count("subscribed") === 2));
    await changing;
    await change();
    expect(await faults()).toEqual([]);
    expect(moving.map((reader) => [reader.count("loaded"), reader.count("told of a loss")])).toEqual(
      moving.map(() => [1, 0]),
    );
    expect(staying.count("subscribed")).toBe(1);
    expect(other.metrics.value("weft_gateway_ws_recoveries_total", { kind: "project", outcome: "recovered" })).toBe(3);
  });

  it("clients of a Redis that comes back empty are told so, load the state, and go on", async () => {
    const [first, second] = [await openGateway(), await openGateway()];
    const recovering = [openReader(() => first.port), openReader(() => second.port)];
    const old = openReader(() => first.port, false);
    await until("all have loaded the state", () => readers.every((reader) => reader.count("loaded") === 1));
    await makeChanges(20);
    await until("all have heard", () => readers.every((reader) => isAt(reader, 20)));
    await store.stop();
    await until("the absence is noticed", () => redis.state() === "away");
    const changing = makeChanges(20);
    await store.start();
    await changing;
    await until("all have loaded the state again", () => readers.every((reader) => reader.count("loaded") >= 2));
    await makeChanges(20);
    expect(await faults()).toEqual([]);
    for (const reader of readers) {
      expect(reader.count("told of a loss")).toBeGreaterThan(0);
      expect(reader.count("disconnected")).toBe(0);
    }
    expect(recovering.every((reader) => reader.count("subscribed") >= 2)).toBe(true);
    expect(old.count("subscribed")).toBe(1);
  });
});
