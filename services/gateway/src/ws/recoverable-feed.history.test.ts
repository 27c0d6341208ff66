import { type ChannelLog, type ChannelPosition, type Clock, RedisAwayError, seededRandom } from "@weft/mesh";
import {
  createMemoryChannelLog,
  FakeClock,
  faultsOfHistory,
  type PublishedChange,
  type ReaderEvent,
  silentLogger,
} from "@weft/mesh/testing";
import { describe, expect, it } from "vitest";
import { RecordedMetrics } from "../../tests/recorded-metrics.ts";
import { ScriptedPubSub } from "../../tests/scripted-pubsub.ts";
import { loadConfig } from "../config.ts";
import { createGatewayMetrics } from "../metrics.ts";
import type { Channel } from "./channel.ts";
import type { Subscriber } from "./channel-access.ts";
import { ClientConnection } from "./client-connection.ts";
import { jsonCodec } from "./json-codec.ts";
import { LiveFeed } from "./live-feed.ts";
import { RecoverableFeed } from "./recoverable-feed.ts";
import { subscribedFrame } from "./run-command.ts";
import { SubscriberCounts } from "./subscriber-counts.ts";
import { SubscriptionSet, type SubscriptionSetDependencies } from "./subscription-set.ts";

/*
 * Histories under a hostile broker: its feed is late, loses messages with and without a word and repeats some, readings of
 * the log take a while and fail, the log is forgotten; and readers come and go, on two gateways. Whatever happens, each
 * history is as promised. Seeds make every run the same; a fault names its seed.
 */

const channel: Channel = { name: "project:p", kind: "project", id: "p" };
const subscriber = { principal: { userId: "u" }, token: "t" } as Subscriber;
const limits = loadConfig({}, { development: true }).limits;

interface Frame {
  readonly subscribed?: ChannelPosition & {
    readonly recovered: boolean;
    readonly publications?: readonly { readonly offset: number; readonly data: string }[];
  };
  readonly push?: { readonly offset: number; readonly data: string };
  readonly notice?: { readonly code: string };
}

/** A client on a connection that may break, with its history. */
class Reader {
  readonly events: ReaderEvent[] = [];
  readonly #clock: Clock;
  readonly #state: readonly string[];
  #position: ChannelPosition | undefined;
  #set: SubscriptionSet | undefined;

  constructor(clock: Clock, state: readonly string[]) {
    this.#clock = clock;
    this.#state = state;
  }

  get connected(): boolean {
    return this.#set !== undefined;
  }

  connect(deps: SubscriptionSetDependencies): void {
    const send = (frame: string | Uint8Array) => this.#take(JSON.parse(String(frame)) as Frame);
    const socket = { send, close: () => undefined, bufferedBytes: 0 };
    const connection = new ClientConnection(socket, jsonCodec, 1, { tooSlow: () => undefined });
    this.#set = new SubscriptionSet(connection, { show: () => undefined, hide: () => undefined }, deps);
    this.#subscribe();
  }

  disconnect(): void {
    this.#set?.end();
    this.#set = undefined;
    this.events.push({ kind: "disconnected" });
  }

  #subscribe(): void {
    const set = this.#set;
    const from = this.#position;
    const confirm: Parameters<SubscriptionSet["add"]>[3] = (joined) =>
      this.#take(JSON.parse(String(jsonCodec.encode(subscribedFrame(1, channel.name, joined)).bytes)) as Frame, from);
    set?.add(channel, {}, subscriber, confirm, from ?? null).catch(() => {
      this.#clock.setTimer(() => {
        if (set === this.#set) {
          this.#subscribe();
        }
      }, 100);
    });
  }

  #take({ subscribed, push, notice }: Frame, from?: ChannelPosition): void {
    if (subscribed !== undefined) {
      const { epoch, offset, recovered, publications = [] } = subscribed;
      this.#position = { epoch, offset };
      this.events.push({
        kind: "subscribed",
        position: this.#position,
        ...(recovered && from !== undefined ? { recoveredFrom: from } : {}),
        publications: publications.map(({ offset: at, data }) => ({ offset: at, payload: data })),
      });
      if (!recovered) {
        this.events.push({ kind: "loaded", payloads: [...this.#state] });
      }
    } else if (push !== undefined) {
      this.#position = { epoch: this.#position?.epoch ?? "", offset: push.offset };
      this.events.push({ kind: "pushed", publication: { offset: push.offset, payload: push.data } });
    } else if (notice?.code === "subscription_ended") {
      this.events.push({ kind: "told of a loss" });
      this.#subscribe();
    }
  }
}

async function faultsOfRun(seed: number): Promise<string[]> {
  const random = seededRandom(seed);
  const chance = (ratio: number) => random.next() < ratio;
  const clock = new FakeClock();
  const changes: string[] = [];
  const published: PublishedChange[] = [];
  const metrics = createGatewayMetrics(new RecordedMetrics() as never);
  let hostile = true;
  let away = false;
  const read = async <T>(reading: () => Promise<T>): Promise<T> => {
    if (hostile) await clock.sleep(random.next() * 20);
    if (away || (hostile && chance(0.05))) throw new RedisAwayError("gone");
    const answer = await reading();
    if (hostile) await clock.sleep(random.next() * 20);
    return answer;
  };
  /** Two gateways, each with its own line to the broker: in order, late, and not quite reliable. */
  const gateways = [0, 1].map(() => {
    const pubsub = new ScriptedPubSub();
    let line: string[] = [];
    let lateUntilMs = 0;
    const say = (text: string) => {
      line.push(text);
      lateUntilMs = Math.max(lateUntilMs, clock.now()) + (hostile ? random.next() * 15 : 0);
      const own = line;
      clock.setTimer(() => {
        const next = own.shift();
        if (next !== undefined) void pubsub.publish(channel.name, next);
      }, lateUntilMs - clock.now());
    };
    const hear = (text: string) => {
      if (hostile && chance(0.05)) return;
      say(text);
      if (hostile && chance(0.05)) say(text);
    };
    const interrupt = () => {
      line = [];
      pubsub.gap();
    };
    const feed = new LiveFeed({ pubsub, logger: silentLogger, metrics });
    return { hear, interrupt, feed };
  });
  const wire = {
    publish: async (_name: string, text: string | Uint8Array) => {
      for (const { hear } of gateways) hear(String(text));
      return 1;
    },
  };
  const log = createMemoryChannelLog({ pubsub: wire, clock, random });
  const readLog: ChannelLog = {
    publish: log.publish,
    position: (name) => read(() => log.position(name)),
    since: (name, from) => read(() => log.since(name, from)),
  };
  const sets = gateways.map(({ feed }) => {
    const following = { log: readLog, clock, random, logger: silentLogger, metrics, checkIntervalMs: 25_000 };
    const recoverable = new RecoverableFeed({ feed, ...following });
    const presence = { show: () => undefined, hide: () => undefined };
    const counts = new SubscriberCounts(100);
    const tooSlow = () => undefined;
    return { limits, access: async () => ({}), feed, recoverable, presence, counts, metrics, clock, tooSlow };
  });
  const anySet = () => sets[chance(0.5) ? 0 : 1] as (typeof sets)[number];
  const change = async () => {
    const payload = `change ${changes.length + 1}`;
    changes.push(payload);
    published.push({ position: await log.publish(channel.name, JSON.stringify(payload)), payload });
  };
  const readers = Array.from({ length: 4 }, () => new Reader(clock, changes));

  for (let step = 0; step < 300; step += 1) {
    const reader = readers[Math.floor(random.next() * readers.length)] as Reader;
    const what = random.next();
    if (what < 0.6) {
      if (!away) await change();
    } else if (what < 0.75) {
      if (reader.connected) reader.disconnect();
      else reader.connect(anySet());
    } else if (what < 0.8) {
      gateways[chance(0.5) ? 0 : 1]?.interrupt();
    } else if (what < 0.82) {
      away = !away;
      for (const { interrupt } of gateways) interrupt();
    } else if (what < 0.83) {
      log.forget();
    } else {
      await clock.advance(random.next() * 40);
    }
  }
  hostile = false;
  away = false;
  for (const reader of readers) {
    if (!reader.connected) reader.connect(anySet());
  }
  await clock.advance(60_000);
  await change();
  await clock.advance(60_000);
  return readers.flatMap((reader, index) =>
    faultsOfHistory(published, reader.events).map((fault) => `seed ${seed}, reader ${index}: ${fault}`),
  );
}

describe("histories of readers under a hostile broker", () => {
  it.each(Array.from({ length: 24 }, (_, seed) => seed + 1))("are as promised (seed %i)", async (seed) => {
    expect(await faultsOfRun(seed)).toEqual([]);
  });
});
