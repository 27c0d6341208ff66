import { beforeEach, describe, expect, it } from "vitest";
import { seededRandom } from "../random.ts";
import { RedisAwayError } from "../redis/redis-error.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { silentLogger } from "../testing/silent-logger.ts";
import { createHoldingPublisher, type HoldingPublisher } from "./holding-publisher.ts";

let clock: FakeClock;
let published: string[];
let keys: Set<string | undefined>;
/** Of a publication: carried out, or lost with the connection before or after that. */
let fate: (payload: string) => "done" | "away" | "answer lost";
let publisher: HoldingPublisher;

beforeEach(() => {
  clock = new FakeClock();
  published = [];
  keys = new Set();
  fate = () => "done";
  publisher = createHoldingPublisher({
    log: {
      publish: async (_channel, payload, { idempotencyKey } = {}) => {
        if (payload === "bad") throw new RangeError("payload: bad");
        const happens = fate(payload);
        if (happens !== "away" && !keys.has(idempotencyKey)) {
          keys.add(idempotencyKey);
          published.push(payload);
        }
        if (happens !== "done") throw new RedisAwayError("gone");
        return { epoch: "e", offset: published.length };
      },
    },
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    maxHeld: 3,
  });
});

describe("HoldingPublisher", () => {
  it("sends at once while Redis is there", async () => {
    await publisher.publish("c", "a");
    expect([published, publisher.held, clock.pendingTimers]).toEqual([["a"], 0, 0]);
  });

  it("holds what Redis was away for, and sends it in order before what comes later", async () => {
    fate = () => "away";
    await publisher.publish("c", "a");
    await publisher.publish("c", "b");
    await clock.advance(10_000);
    expect([published, publisher.held]).toEqual([[], 2]);
    fate = () => "done";
    await publisher.publish("c", "c");
    expect(published).toEqual([]);
    await clock.advance(2000);
    await publisher.publish("c", "d");
    expect([published, publisher.held, clock.pendingTimers]).toEqual([["a", "b", "c", "d"], 0, 0]);
  });

  it("does not send twice what had arrived when the connection broke", async () => {
    fate = () => "answer lost";
    await publisher.publish("c", "a");
    fate = () => "done";
    await clock.advance(2000);
    expect([published, publisher.held]).toEqual([["a"], 0]);
  });

  it("gives up the oldest beyond its bound, and what is refused", async () => {
    fate = () => "away";
    for (const payload of ["a", "b", "c", "d"]) {
      await publisher.publish("c", payload);
    }
    await clock.advance(0);
    fate = () => "done";
    await clock.advance(2000);
    expect(published).toEqual(["b", "c", "d"]);
    await expect(publisher.publish("c", "bad")).rejects.toThrow("payload: bad");
    expect(publisher.held).toBe(0);
  });

  it("leaves no timer behind when it is closed", async () => {
    fate = () => "away";
    await publisher.publish("c", "a");
    publisher.close();
    expect([publisher.held, clock.pendingTimers]).toEqual([0, 0]);
  });
});
