import { FakeClock } from "@weft/mesh/testing";
import { decodeFrame, encodeFrame } from "@weft/simulator/frames";
import { beforeEach, describe, expect, it } from "vitest";
import type { WebSocketConnection } from "../http/http-server.ts";
import type { Channel } from "./channel.ts";
import { ClientConnection } from "./client-connection.ts";
import { writeClientPublication } from "./client-publication.ts";
import { jsonCodec } from "./json-codec.ts";
import { LiveMessage } from "./live-message.ts";
import type { SubscriptionOptions } from "./protocol.ts";
import { Subscription } from "./subscription.ts";

const simulation: Channel = { name: "simulation:s", kind: "simulation", id: "s" };
const project: Channel = { name: "project:p", kind: "project", id: "p" };

let clock: FakeClock;
let sent: { data: unknown; skipped?: number; offset?: number }[];
let binary: Uint8Array[];
let bufferedBytes: number;
let gaveUp: boolean;
let skippedCount: number;
let thinnedCount: number;

beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  binary = [];
  bufferedBytes = 0;
  gaveUp = false;
  skippedCount = 0;
  thinnedCount = 0;
});

function subscription(channel: Channel, options: SubscriptionOptions = {}): Subscription {
  const connection: WebSocketConnection = {
    send: (frame, form) => {
      if (form === "binary") {
        binary.push(frame as Uint8Array);
        return;
      }
      const { push, notice } = JSON.parse(String(frame));
      sent.push(
        push === undefined
          ? { data: notice }
          : { data: push.data, ...(("skipped" in push || "offset" in push) && push) },
      );
    },
    close: () => undefined,
    get bufferedBytes() {
      return bufferedBytes;
    },
  };
  const metrics = {
    pushes: { of: () => ({ count: 0 }) },
    gapNotices: { inc: () => undefined },
    thinned: {
      inc: () => {
        thinnedCount += 1;
      },
    },
    skipped: {
      inc: () => {
        skippedCount += 1;
      },
    },
  } as never;
  const tooSlow = () => {
    gaveUp = true;
  };
  const limits = { backpressureSoftBytes: 100, backpressureHardBytes: 1000 };
  const client = new ClientConnection(connection, jsonCodec, limits.backpressureHardBytes, { tooSlow });
  const made = new Subscription(channel, options, client, { limits, clock, metrics });
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

/** A simulation's frame with this number, as it is published. */
function frame(sequence: number): Buffer {
  const figures = { requestsPerSecond: 1, failuresPerSecond: 0, p50Ms: 1, p95Ms: 1, p99Ms: 1 };
  const total = { ...figures, goodputPerSecond: 1, goodputRatio: 1, inFlight: 0, completed: 0, failed: 0 };
  const components = ["a", "b"].map((id) => ({ id, ...figures, utilization: 0.5, queueLength: 0, inFlight: 0 }));
  const run = { simulatedMs: 1, durationMs: 2, speed: 1, load: 1, bottleneck: "b" };
  const stamp = { simulationId: "s", status: "RUNNING", composedAtMs: 5 } as const;
  return Buffer.from(encodeFrame({ sequence, ...run, total, components }, stamp));
}

function publishFrame(to: readonly Subscription[], sequence: number): void {
  const message = LiveMessage.from(simulation, frame(sequence));
  for (const subscription of to) {
    subscription.message(message as LiveMessage);
  }
}

const data = () => sent.map((push) => push.data);

describe("Subscription", () => {
  it("thins to the rate that was asked for, the newest frame last", async () => {
    const thinned = subscription(simulation, { everyMs: 100 });
    publish(thinned, 1, 2, 3);
    expect(data()).toEqual([1]);
    await clock.advance(100);
    expect(data()).toEqual([1, 3]);
    await clock.advance(1000);
    expect(data()).toEqual([1, 3]);
    publish(thinned, 4);
    expect(data()).toEqual([1, 3, 4]);
    expect([skippedCount, thinnedCount]).toEqual([0, 1]);
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

  it("skips a slow reader of what clients publish to the newest of each user and key", () => {
    const room: Channel = { name: "room:p", kind: "room", id: "p" };
    const slow = subscription(room);
    const say = (from: string, key: string, value: number) =>
      slow.message(LiveMessage.from(room, writeClientPublication(from, key, String(value))) as LiveMessage);
    bufferedBytes = 101;
    for (const [from, key, value] of [
      ["ada", "cursor", 1],
      ["bob", "cursor", 2],
      ["ada", "cursor", 3],
      ["ada", "selection", 4],
    ] as const) {
      say(from, key, value);
    }
    bufferedBytes = 0;
    slow.drained();
    expect(sent).toEqual([expect.objectContaining({ data: 3, skipped: 1 }), { data: 2 }, { data: 4 }]);
    expect(skippedCount).toBe(1);
  });

  it("does not call thinned frames skipped when the reader is slow too", async () => {
    const slow = subscription(simulation, { everyMs: 100 });
    publish(slow, 1);
    bufferedBytes = 101;
    publish(slow, 2, 3);
    await clock.advance(100);
    publish(slow, 4);
    bufferedBytes = 0;
    slow.drained();
    expect(sent.at(-1)).toEqual(expect.objectContaining({ data: 4, skipped: 1 }));
  });

  it("hands everybody with the same view the same bytes", () => {
    const all = [subscription(simulation, { encoding: "binary" }), subscription(simulation, { encoding: "binary" })];
    const some = [
      subscription(simulation, { encoding: "binary", detail: ["b"] }),
      subscription(simulation, { encoding: "binary", detail: ["b"] }),
    ];
    publishFrame([...all, ...some], 1);
    expect(binary[0]).toBe(binary[1]);
    expect(binary[2]).toBe(binary[3]);
    expect(decodeFrame(binary[0] as Uint8Array).frame.components.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(decodeFrame(binary[2] as Uint8Array).frame.components.map(({ id }) => id)).toEqual(["b"]);
  });

  it("thins binary frames to one per interval, the newest last", async () => {
    const thinned = subscription(simulation, { encoding: "binary", detail: "overview", everyMs: 100 });
    for (const sequence of [1, 2, 3]) {
      publishFrame([thinned], sequence);
    }
    await clock.advance(100);
    const read = binary.map((bytes) => decodeFrame(bytes));
    expect(read.map(({ frame: { sequence } }) => sequence)).toEqual([1, 3]);
    expect(read.map(({ skipped, frame: { components } }) => [skipped, components])).toEqual([
      [0, []],
      [0, []],
    ]);
  });

  it("tells a slow reader of binary frames how many it missed, and nobody else", () => {
    const slow = subscription(simulation, { encoding: "binary" });
    bufferedBytes = 101;
    publishFrame([slow], 1);
    publishFrame([slow], 2);
    bufferedBytes = 0;
    publishFrame([slow, subscription(simulation, { encoding: "binary" })], 3);
    expect(binary.map((bytes) => decodeFrame(bytes).skipped)).toEqual([2, 0]);
    expect(binary.map((bytes) => decodeFrame(bytes).frame.sequence)).toEqual([3, 3]);
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

  it("sends no publication that the client has, and numbers those it sends", () => {
    const one = subscription(project);
    const send = (offset: number) =>
      one.message(LiveMessage.from(project, `"${offset}"`, { epoch: "e", offset }) as LiveMessage);
    one.start({ epoch: "e", offset: 2 });
    for (const offset of [1, 2, 3, 3, 4]) {
      send(offset);
    }
    publish(one, 0);
    expect(sent).toMatchObject([{ data: "3", offset: 3 }, { data: "4", offset: 4 }, { data: 0 }]);
    expect(sent[2]).not.toHaveProperty("offset");
    one.lost({ epoch: "f", offset: 1 });
    expect(one.position).toEqual({ epoch: "f", offset: 1 });
    send(2);
    expect(sent.slice(3)).toMatchObject([
      { data: { code: "gap", channel: "project:p", epoch: "f", offset: 1 } },
      { data: "2", offset: 2 },
    ]);
  });

  it("sends nothing after it has been stopped, not even what waits", async () => {
    const stopped = subscription(simulation, { everyMs: 1000 });
    publish(stopped, 1, 2);
    stopped.stop();
    publish(stopped, 3);
    stopped.gap();
    await clock.advance(5000);
    expect(data()).toEqual([1]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("takes changed options for the next frame", () => {
    const changed = subscription(simulation, { everyMs: 10_000 });
    publish(changed, 1);
    changed.change({});
    publish(changed, 2);
    expect(data()).toEqual([1, 2]);
  });
});
