/** What every ChannelLog does, whatever keeps it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ChannelLog, channelHistory } from "../../channels/channel-log.ts";
import { decodePublication } from "../../channels/envelope.ts";
import type { PubSub } from "../../pubsub/pubsub.ts";
import { until } from "../until.ts";

export interface ChannelLogFixture {
  /** Knows no channel. */
  readonly log: ChannelLog;
  /** Hears what the log sends. */
  readonly pubsub: PubSub;
  /** Loses everything, as Redis restarted empty. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

export function channelLogContract(name: string, makeFixture: () => Promise<ChannelLogFixture>): void {
  describe(`ChannelLog contract: ${name}`, () => {
    let fixture: ChannelLogFixture;
    let log: ChannelLog;
    beforeEach(async () => {
      fixture = await makeFixture();
      log = fixture.log;
    });
    afterEach(() => fixture.close());

    const publishAll = (channel: string, payloads: readonly string[]) =>
      Promise.all(payloads.map((payload) => log.publish(channel, payload)));

    test("counts from 1 in one epoch, and sends each publication with its place", async () => {
      const heard: unknown[] = [];
      await fixture.pubsub.subscribe("project:*", (_channel, message) => void heard.push(decodePublication(message)));
      const { epoch, offset } = await log.position("project:1");
      expect([epoch, offset]).toEqual([expect.stringMatching(/^[a-z0-9]{8,64}$/), 0]);
      expect(await log.publish("project:1", '{"a":"ü:\u{1f331}"}')).toEqual({ epoch, offset: 1 });
      expect(await log.publish("project:1", "b")).toEqual({ epoch, offset: 2 });
      expect(await log.position("project:1")).toEqual({ epoch, offset: 2 });
      await until("both are heard", () => heard.length === 2);
      expect(heard).toEqual([
        { epoch, offset: 1, payload: '{"a":"ü:\u{1f331}"}' },
        { epoch, offset: 2, payload: "b" },
      ]);
    });

    test("keeps channels apart", async () => {
      await publishAll("project:1", ["a", "b"]);
      const other = await log.publish("project:2", "c");
      expect(other.offset).toBe(1);
      expect(other.epoch).not.toBe((await log.position("project:1")).epoch);
    });

    test("gives everything after a position, in order", async () => {
      const position = await log.position("project:1");
      await publishAll("project:1", ["a", "b", "c"]);
      const now = { epoch: position.epoch, offset: 3 };
      expect(await log.since("project:1", { ...position, offset: 1 })).toEqual({
        recovered: true,
        position: now,
        publications: [
          { offset: 2, payload: "b" },
          { offset: 3, payload: "c" },
        ],
      });
      expect(await log.since("project:1", now)).toEqual({ recovered: true, position: now, publications: [] });
    });

    test("gives nothing rather than a part: another epoch, a place ahead, and one that is no longer kept", async () => {
      const { epoch } = await log.position("project:1");
      const payloads = Array.from({ length: channelHistory.entries + 2 }, (_, index) => `${index + 1}`);
      await publishAll("project:1", payloads);
      const position = { epoch, offset: payloads.length };
      const refused = { recovered: false, position };
      expect(await log.since("project:1", { epoch: "another", offset: 1 })).toEqual(refused);
      expect(await log.since("project:1", { epoch, offset: payloads.length + 1 })).toEqual(refused);
      expect(await log.since("project:1", { epoch, offset: 1 })).toEqual(refused);
      const oldest = await log.since("project:1", { epoch, offset: 2 });
      expect(oldest).toMatchObject({ recovered: true, publications: { length: channelHistory.entries } });
    });

    test("gives nothing rather than more than a reading may carry", async () => {
      const { epoch } = await log.position("project:1");
      const payloads = Array.from({ length: 17 }, () => "x".repeat(channelHistory.recoveryMaxBytes / 16));
      await publishAll("project:1", payloads);
      expect((await log.since("project:1", { epoch, offset: 0 })).recovered).toBe(false);
      expect((await log.since("project:1", { epoch, offset: 1 })).recovered).toBe(true);
    });

    test("begins another epoch when everything was lost, whoever comes first", async () => {
      const before = await log.publish("project:1", "a");
      await log.publish("project:2", "a");
      await fixture.forget();
      const read = await log.since("project:1", before);
      expect(read).toMatchObject({ recovered: false, position: { offset: 0 } });
      expect(read.position.epoch).not.toBe(before.epoch);
      expect((await log.publish("project:2", "b")).offset).toBe(1);
    });

    test("sends what is published twice with one key once", async () => {
      const heard: string[] = [];
      await fixture.pubsub.subscribe("project:*", (_channel, message) => void heard.push(message.toString()));
      const first = await log.publish("project:1", "a", { idempotencyKey: "k" });
      await log.publish("project:1", "b");
      expect(await log.publish("project:1", "a", { idempotencyKey: "k" })).toEqual(first);
      expect(await log.publish("project:2", "a", { idempotencyKey: "k" })).not.toEqual(first);
      await until("all are heard", () => heard.length === 3);
      expect((await log.position("project:1")).offset).toBe(2);
    });

    test("gives concurrent publications one order, the same for all who hear or read them", async () => {
      const heard: (string | undefined)[] = [];
      await fixture.pubsub.subscribe("project:1", (_channel, message) => {
        heard.push(decodePublication(message)?.payload);
      });
      const before = await log.position("project:1");
      const payloads = Array.from({ length: 20 }, (_, index) => `${index}`);
      const positions = await Promise.all(payloads.map((payload) => log.publish("project:1", payload)));
      expect(new Set(positions.map(({ offset }) => offset)).size).toBe(20);
      await until("all are heard", () => heard.length === 20);
      const read = await log.since("project:1", before);
      expect(read.recovered && read.publications.map(({ payload }) => payload)).toEqual(heard);
    });

    test("names the field and the limit of bad input", async () => {
      await expect(log.publish("", "a")).rejects.toThrow("channel: 0 characters, 1 to 200 are allowed");
      await expect(log.position("a{b}")).rejects.toThrow("braces");
      await expect(log.publish("a", "x".repeat(70_000))).rejects.toThrow(
        "payload: 70000 bytes exceed the limit of 65536",
      );
      await expect(log.publish("a", "b", { idempotencyKey: "" })).rejects.toThrow("idempotencyKey: 0 characters");
      await expect(log.since("a", { epoch: "A:B", offset: 0 })).rejects.toThrow('epoch: "A:B"');
      await expect(log.since("a", { epoch: "e", offset: -1 })).rejects.toThrow("offset: -1");
    });
  });
}
