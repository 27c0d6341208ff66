import { Code } from "@connectrpc/connect";
import { seededRandom, serviceError } from "@weft/mesh";
import { createMemoryChannelLog, FakeClock, type MemoryChannelLog, silentLogger } from "@weft/mesh/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { RecordedMetrics } from "../../tests/recorded-metrics.ts";
import { ScriptedPubSub } from "../../tests/scripted-pubsub.ts";
import { loadConfig } from "../config.ts";
import { createGatewayMetrics } from "../metrics.ts";
import type { Channel } from "./channel.ts";
import type { ChannelAccess, Subscriber } from "./channel-access.ts";
import { ClientConnection } from "./client-connection.ts";
import { jsonCodec } from "./json-codec.ts";
import { LiveFeed } from "./live-feed.ts";
import { RecoverableFeed, type RecoverFrom } from "./recoverable-feed.ts";
import { SubscriberCounts } from "./subscriber-counts.ts";
import { SubscriptionSet } from "./subscription-set.ts";

const channel: Channel = { name: "simulation:s", kind: "simulation", id: "s" };
const subscriber = { principal: { userId: "u" }, token: "t" } as Subscriber;

let pubsub: ScriptedPubSub;
let metrics: RecordedMetrics;
let sent: unknown[];
let counts: SubscriberCounts;
let access: ChannelAccess;
let set: SubscriptionSet;
let log: MemoryChannelLog;
const confirm = () => sent.push("confirmed");

beforeEach(() => {
  pubsub = new ScriptedPubSub();
  metrics = new RecordedMetrics();
  sent = [];
  counts = new SubscriberCounts(2);
  access = async () => ({});
  const gatewayMetrics = createGatewayMetrics(metrics as never);
  const clock = new FakeClock();
  const random = seededRandom(1);
  const feed = new LiveFeed({ pubsub, logger: silentLogger, metrics: gatewayMetrics });
  log = createMemoryChannelLog({ pubsub, clock, random });
  const following = { log, clock, random, logger: silentLogger, metrics: gatewayMetrics, checkIntervalMs: 25_000 };
  const socket = {
    send: (text: unknown) => sent.push(JSON.parse(String(text))),
    close: () => undefined,
    bufferedBytes: 0,
  };
  const connection = new ClientConnection(socket, jsonCodec, 1, { tooSlow: () => undefined });
  set = new SubscriptionSet(
    connection,
    { show: () => undefined, hide: () => undefined },
    {
      limits: loadConfig({}, { development: true }).limits,
      access: (...asked) => access(...asked),
      feed,
      recoverable: new RecoverableFeed({ feed, ...following }),
      metrics: gatewayMetrics,
      clock,
      counts,
    },
  );
});

describe("SubscriptionSet", () => {
  it("takes no more subscribers of a channel than the process sends to, until one has gone", async () => {
    counts.take(channel.name);
    counts.take(channel.name);
    const refused = { code: Code.ResourceExhausted, message: expect.stringContaining("simulation:s") };
    await expect(set.add(channel, {}, subscriber, confirm)).rejects.toMatchObject(refused);
    expect(metrics.value("weft_gateway_ws_limited_total", { limit: "subscribers" })).toBe(1);
    counts.release(channel.name);
    await set.add(channel, {}, subscriber, confirm);
    set.remove(channel);
    set.remove(channel);
    await set.add(channel, {}, subscriber, confirm);
    expect(counts.take(channel.name)).toBe(false);
  });

  it("gives a channel up that is unsubscribed while its permission is looked up", async () => {
    const asked = Promise.withResolvers<object>();
    let aborted = false;
    access = (_channel, _subscriber, signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return asked.promise;
    };
    const adding = set.add(channel, {}, subscriber, confirm);
    await expect(set.add(channel, {}, subscriber, confirm)).rejects.toMatchObject({ code: Code.AlreadyExists });
    set.remove(channel);
    asked.resolve({});
    await expect(adding).rejects.toMatchObject({ code: Code.Canceled });
    expect(aborted).toBe(true);
    expect([set.size, pubsub.patterns, sent]).toEqual([0, [], []]);
  });

  it("changes the options of a channel that is subscribed", async () => {
    await set.add(channel, {}, subscriber, confirm);
    await set.add(channel, { detail: ["b"] }, subscriber, confirm);
    await pubsub.publish("simulation:s", '{"components":[{"id":"a"},{"id":"b"}]}');
    expect(set.size).toBe(1);
    expect(sent).toEqual([
      "confirmed",
      "confirmed",
      { push: { channel: "simulation:s", data: { components: [{ id: "b" }] } } },
    ]);
  });

  it("leaves nothing behind when the feed refuses", async () => {
    pubsub.subscribe = () => Promise.reject(new Error("refused"));
    await expect(set.add(channel, {}, subscriber, confirm)).rejects.toThrow("refused");
    expect([set.size, metrics.value("weft_gateway_ws_subscriptions")]).toEqual([0, 0]);
  });

  it("ends a subscription that is denied at once, and one nobody can answer for after five rounds", async () => {
    await set.add(channel, {}, subscriber, confirm);
    access = () => Promise.reject(serviceError(Code.Unavailable, "BUSY", "try later"));
    for (let round = 1; round < 5; round += 1) {
      await set.recheck(subscriber);
    }
    expect(set.size).toBe(1);
    await set.recheck(subscriber);
    expect(set.size).toBe(0);
    expect(sent.at(-1)).toMatchObject({ notice: { code: "subscription_ended", reason: "unavailable" } });
    access = async () => ({});
    await set.add(channel, {}, subscriber, confirm);
    access = () => Promise.reject(serviceError(Code.PermissionDenied, "NO", "no"));
    await set.recheck(subscriber);
    expect(sent.at(-1)).toMatchObject({ notice: { code: "subscription_ended", reason: "permission_denied" } });
    expect(pubsub.patterns).toEqual([]);
  });

  it("has one look-up under way, however often it is asked to repeat them, and ends with the newest subscriber", async () => {
    await set.add(channel, {}, subscriber, confirm);
    const newest = { ...subscriber, token: "newest" };
    const asked: string[] = [];
    const answers: ((grant: object) => void)[] = [];
    access = (_channel, { token }) => {
      asked.push(token);
      return new Promise((resolve) => answers.push(resolve));
    };
    const first = set.recheck(subscriber);
    for (let time = 0; time < 50; time += 1) {
      void set.recheck(subscriber);
    }
    void set.recheck(newest);
    expect(asked).toEqual(["t"]);
    answers[0]?.({});
    await expect.poll(() => asked).toEqual(["t", "newest"]);
    answers[1]?.({});
    await first;
    expect(asked).toHaveLength(2);
  });

  it("ends a subscription with a position when publications are lost, and tells one without of the gap", async () => {
    const project: Channel = { name: "project:p", kind: "project", id: "p" };
    await set.add(project, {}, subscriber, confirm);
    await log.publish("project:p", "1");
    log.forget();
    await log.publish("project:p", "2");
    await expect.poll(() => sent.at(-1)).toMatchObject({ notice: { code: "gap", channel: "project:p", offset: 1 } });
    await set.add(project, {}, subscriber, confirm, null);
    log.forget();
    await log.publish("project:p", "3");
    await expect
      .poll(() => sent.at(-1))
      .toMatchObject({
        notice: { code: "subscription_ended", channel: "project:p", reason: "insufficient_state" },
      });
    expect([set.size, metrics.value("weft_gateway_ws_subscriptions")]).toEqual([0, 0]);
    const ended = { kind: "project", reason: "insufficient_state" };
    expect(metrics.value("weft_gateway_ws_subscriptions_ended_total", ended)).toBe(1);
    expect(metrics.value("weft_gateway_ws_gap_notices_total", { kind: "project" })).toBe(1);
  });

  it("hears what is published right after the moment in which it begins", async () => {
    const project: Channel = { name: "project:p", kind: "project", id: "p" };
    await set.add(project, {}, subscriber, () => queueMicrotask(() => void log.publish("project:p", "1")));
    expect(sent).toMatchObject([{ push: { offset: 1 } }]);
  });

  it("begins a subscription anew that asks to recover, and says where one that does not is", async () => {
    const project: Channel = { name: "project:p", kind: "project", id: "p" };
    const begun: unknown[] = [];
    const add = (recover?: RecoverFrom) => set.add(project, {}, subscriber, (joined) => begun.push(joined), recover);
    await add();
    const { epoch } = await log.publish("project:p", "1");
    await add();
    await add({ epoch, offset: 0 });
    await log.publish("project:p", "2");
    expect(begun).toMatchObject([
      { position: { epoch, offset: 0 } },
      { position: { epoch, offset: 1 } },
      { position: { epoch, offset: 1 }, recovered: true, missed: { length: 1 } },
    ]);
    expect(sent).toEqual([1, 2].map((offset) => ({ push: { channel: "project:p", data: offset, offset } })));
    expect([set.size, metrics.value("weft_gateway_ws_subscriptions")]).toEqual([1, 1]);
  });

  it("looks permissions up at once when the project behind a channel changes its members", async () => {
    access = async () => ({ projectId: "p" });
    await set.add(channel, {}, subscriber, confirm);
    await pubsub.publish("project:p", '{"type":"updated"}');
    await pubsub.publish("project:other", '{"type":"members"}');
    expect(set.size).toBe(1);
    access = () => Promise.reject(serviceError(Code.NotFound, "GONE", "there is no simulation s"));
    await pubsub.publish("project:p", '{"type":"members"}');
    await expect.poll(() => set.size).toBe(0);
    expect(sent.at(-1)).toMatchObject({ notice: { code: "subscription_ended", channel: "simulation:s" } });
    await expect.poll(() => pubsub.patterns).toEqual([]);
  });
});
