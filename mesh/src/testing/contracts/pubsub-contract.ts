/** What every PubSub does, whatever carries it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PubSub } from "../../pubsub/pubsub.ts";
import { until } from "../until.ts";

export interface PubSubFixture {
  /** Two sides of the same broker; may be one object. */
  readonly publisher: PubSub;
  readonly subscriber: PubSub;
  close(): Promise<void>;
}

export function pubSubContract(name: string, makeFixture: () => Promise<PubSubFixture>): void {
  describe(`PubSub contract: ${name}`, () => {
    let fixture: PubSubFixture;
    beforeEach(async () => {
      fixture = await makeFixture();
    });
    afterEach(() => fixture.close());

    const collect = async (pattern: string) => {
      const messages: [string, string][] = [];
      const stop = await fixture.subscriber.subscribe(pattern, (channel, payload) => {
        messages.push([channel, payload.toString()]);
      });
      return { messages, stop };
    };

    test("delivers messages of matching channels in order", async () => {
      const { messages } = await collect("simulation:*");
      await fixture.publisher.publish("project:1", "other");
      await fixture.publisher.publish("simulation:1", "a");
      await fixture.publisher.publish("simulation:2:step", "b");
      await until("both arrived", () => messages.length === 2);
      expect(messages).toEqual([
        ["simulation:1", "a"],
        ["simulation:2:step", "b"],
      ]);
    });

    test("carries bytes that are not text", async () => {
      const received: Buffer[] = [];
      await fixture.subscriber.subscribe("bytes", (_channel, payload) => void received.push(payload));
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      await fixture.publisher.publish("bytes", bytes);
      await until("it arrived", () => received.length === 1);
      expect(Uint8Array.from(received[0] ?? [])).toEqual(bytes);
    });

    test("gives the number of subscriptions reached", async () => {
      expect(await fixture.publisher.publish("counted:1", "x")).toBe(0);
      await collect("counted:*");
      expect(await fixture.publisher.publish("counted:1", "x")).toBe(1);
    });

    test("hands a message to every handler of a pattern, also when one of them fails", async () => {
      await fixture.subscriber.subscribe("shared:*", () => {
        throw new Error("handler fault");
      });
      await fixture.subscriber.subscribe("shared:*", () => Promise.reject(new Error("handler fault")));
      const { messages } = await collect("shared:*");
      await fixture.publisher.publish("shared:1", "x");
      await until("it arrived", () => messages.length === 1);
      expect(messages).toEqual([["shared:1", "x"]]);
    });

    test("keeps a pattern until its last subscription ends", async () => {
      const first = await collect("ref:*");
      const second = await collect("ref:*");
      await first.stop();
      await first.stop();
      await fixture.publisher.publish("ref:1", "x");
      await until("it arrived", () => second.messages.length === 1);
      expect(first.messages).toEqual([]);
      await second.stop();
      await until("nobody listens", async () => (await fixture.publisher.publish("ref:1", "y")) === 0);
      expect(second.messages).toHaveLength(1);
    });

    test("understands sets, single characters and escapes in patterns", async () => {
      const { messages } = await collect("n[12]:?:\\*");
      for (const channel of ["n1:a:*", "n2:b:*", "n3:a:*", "n1:ab:*", "n1:a:x"]) {
        await fixture.publisher.publish(channel, "x");
      }
      await until("both arrived", () => messages.length === 2);
      expect(messages.map(([channel]) => channel)).toEqual(["n1:a:*", "n2:b:*"]);
    });

    test("subscribes, gives up and subscribes again without waiting in between", async () => {
      const messages: string[] = [];
      const handler = (_channel: string, payload: Buffer) => void messages.push(payload.toString());
      const stops = await Promise.all([1, 2, 3].map(() => fixture.subscriber.subscribe("churn", handler)));
      const ended = Promise.all(stops.map((stop) => stop()));
      const again = fixture.subscriber.subscribe("churn", handler);
      await Promise.all([ended, again]);
      await fixture.publisher.publish("churn", "x");
      await until("it arrived", () => messages.length > 0);
      expect(messages).toEqual(["x"]);
    });
  });
}
