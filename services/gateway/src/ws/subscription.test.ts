import { FakeClock } from "@weft/mesh/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { WebSocketConnection } from "../http/http-server.ts";
import type { Channel } from "./channel.ts";
import { LiveMessage } from "./live-message.ts";
import type { SubscriptionOptions } from "./protocol.ts";
import { Subscription } from "./subscription.ts";

const simulation: Channel = { name: "simulation:s", kind: "simulation", id: "s" };
const project: Channel = { name: "project:p", kind: "project", id: "p" };

let clock: FakeClock;
let sent: { data: unknown; skipped?: number }[];
let bufferedBytes: number;
let gaveUp: boolean;
let skippedCount: number;

beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  bufferedBytes = 0;
  gaveUp = false;
  skippedCount = 0;
});

function subscription(channel: Channel, options: SubscriptionOptions = {}): Subscription {
  const connection: WebSocketConnection = {
    send: (frame) => {
      const { push, notice } = JSON.parse(String(frame));
      sent.push(push === undefined ? { data: notice } : { data: push.data, ...("skipped" in push && push) });
    },
    close: () => undefined,
    get bufferedBytes() {
      return bufferedBytes;
    },
  };
  const metrics = {
    pushes: { inc: () => undefined },
    skipped: {
      inc: () => {
        skippedCount += 1;
      },
    },
  } as never;
  const tooSlow = () => {
    gaveUp = true;
  };
  const made = new Subscription(channel, options, {
    connection,
    clock,
    metrics,
    softBytes: 100,
    hardBytes: 1000,
    tooSlow,
  });
  made.start();
  return made;
}

function publish(to: Subscription, ...values: number[]): void {
  for (const value of values) {
    const message = LiveMessage.from(to.channel, Buffer.from(String(value)));
    if (message !== undefined) {
      to.message(message);
    }
  }
}

const data = () => sent.map((push) => push.data);

describe("Subscription", () => {
  it("thins to the rate that was asked for, the newest frame last", async () => {
    const thinned = subscription(simulation, { maxRateHz: 10 });
    publish(thinned, 1, 2, 3);
    expect(data()).toEqual([1]);
    await clock.advance(100);
    expect(data()).toEqual([1, 3]);
    await clock.advance(1000);
    expect(data()).toEqual([1, 3]);
    publish(thinned, 4);
    expect(data()).toEqual([1, 3, 4]);
    expect(skippedCount).toBe(0);
  });

  it("skips a slow reader to the newest frame and says how many it missed", () => {
    const slow = subscription(simulation);
    bufferedBytes = 101;
    publish(slow, 1, 2, 3);
    expect(sent).toEqual([]);
    bufferedBytes = 0;
    slow.drained();
    expect(sent).toEqual([expect.objectContaining({ data: 3, skipped: 2 })]);
    publish(slow, 4);
    expect(sent[1]).toEqual({ data: 4 });
    expect(skippedCount).toBe(2);
  });

  it("does not call thinned frames skipped when the reader is slow too", async () => {
    const slow = subscription(simulation, { maxRateHz: 10 });
    publish(slow, 1);
    bufferedBytes = 101;
    publish(slow, 2, 3);
    await clock.advance(100);
    publish(slow, 4);
    bufferedBytes = 0;
    slow.drained();
    expect(sent.at(-1)).toEqual(expect.objectContaining({ data: 4, skipped: 1 }));
  });

  it("queues every message of other channels, and gives up beyond the hard limit", () => {
    const slow = subscription(project);
    bufferedBytes = 1000;
    publish(slow, 1, 2);
    expect(data()).toEqual([1, 2]);
    bufferedBytes = 1001;
    publish(slow, 3);
    expect(data()).toEqual([1, 2]);
    expect(gaveUp).toBe(true);
  });

  it("sends nothing after it has been stopped, not even what waits", async () => {
    const stopped = subscription(simulation, { maxRateHz: 1 });
    publish(stopped, 1, 2);
    stopped.stop();
    publish(stopped, 3);
    stopped.gap();
    await clock.advance(5000);
    expect(data()).toEqual([1]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("takes changed options for the next frame", () => {
    const changed = subscription(simulation, { maxRateHz: 0.1 });
    publish(changed, 1);
    changed.change({});
    publish(changed, 2);
    expect(data()).toEqual([1, 2]);
  });
});
