import { type ChannelLog, type ChannelPosition, RedisAwayError, seededRandom } from "@weft/mesh";
import { createMemoryChannelLog, FakeClock, type MemoryChannelLog, silentLogger } from "@weft/mesh/testing";
import { createGatewayMetrics } from "../src/metrics.ts";
import type { Channel } from "../src/ws/channel.ts";
import type { FollowingListener, Joined } from "../src/ws/followed-channel.ts";
import { LiveFeed } from "../src/ws/live-feed.ts";
import { RecoverableFeed, type RecoverFrom } from "../src/ws/recoverable-feed.ts";
import { RecordedMetrics } from "./recorded-metrics.ts";
import { ScriptedPubSub } from "./scripted-pubsub.ts";

/* A recoverable feed over a log in memory, whose readings and whose deliveries a test has in its hands. */

export const testChannel: Channel = { name: "project:p", kind: "project", id: "p" };

/** What one subscriber was given, in order. */
export interface RecordingSubscriber extends FollowingListener {
  readonly heard: unknown[];
  joined: Joined | undefined;
}

export function subscriber(): RecordingSubscriber {
  const heard: unknown[] = [];
  return {
    heard,
    joined: undefined,
    message: ({ position, json }) => heard.push(position === undefined ? "live" : JSON.parse(json)),
    lost: ({ offset }) => heard.push(`lost, now at ${offset}`),
  };
}

/** The offsets of what a subscriber recovered; false when it did not. */
export function missedBy({ joined }: RecordingSubscriber): unknown[] | false {
  return joined?.recovered === true && joined.missed.map(({ position }) => position?.offset);
}

export class RecoverableFixture {
  readonly clock = new FakeClock();
  readonly pubsub = new ScriptedPubSub();
  readonly metrics = new RecordedMetrics();
  readonly log: MemoryChannelLog;
  readonly feed: RecoverableFeed;
  redisIsAway = false;
  /** How often the log was read. */
  reads = 0;
  /** Between a reading and the handing over of its answer. */
  afterReading: () => unknown = () => undefined;
  #feedIsDeaf = false;

  constructor() {
    const random = seededRandom(1);
    const { clock, pubsub } = this;
    const wire = {
      publish: async (name: string, text: string | Uint8Array) => (this.#feedIsDeaf ? 0 : pubsub.publish(name, text)),
    };
    this.log = createMemoryChannelLog({ pubsub: wire, clock, random });
    const readLog: ChannelLog = {
      publish: this.log.publish,
      position: (name) => this.#read(() => this.log.position(name)),
      since: (name, from) => this.#read(() => this.log.since(name, from)),
    };
    const metrics = createGatewayMetrics(this.metrics as never);
    const following = { log: readLog, clock, random, logger: silentLogger, metrics, checkIntervalMs: 25_000 };
    this.feed = new RecoverableFeed({ feed: new LiveFeed({ pubsub, logger: silentLogger, metrics }), ...following });
  }

  async join(recover?: RecoverFrom): Promise<RecordingSubscriber> {
    const one = subscriber();
    await this.feed.join(testChannel, one, recover, (joined) => {
      one.joined = joined;
    });
    return one;
  }

  /** Gives the position behind the last value. */
  async publish(...values: number[]): Promise<ChannelPosition> {
    let position = await this.log.position(testChannel.name);
    for (const value of values) {
      position = await this.log.publish(testChannel.name, `${value}`);
    }
    return position;
  }

  /** The publications are in the log, and the feed does not bring them. */
  async publishUnheard(...values: number[]): Promise<ChannelPosition> {
    this.#feedIsDeaf = true;
    const position = await this.publish(...values);
    this.#feedIsDeaf = false;
    return position;
  }

  counted(name: string, labels: Record<string, string>): number {
    return this.metrics.value(`weft_gateway_ws_${name}_total`, { kind: "project", ...labels });
  }

  async #read<Answer>(reading: () => Promise<Answer>): Promise<Answer> {
    this.reads += 1;
    if (this.redisIsAway) {
      throw new RedisAwayError("gone");
    }
    const answer = await reading();
    await this.afterReading();
    return answer;
  }
}
