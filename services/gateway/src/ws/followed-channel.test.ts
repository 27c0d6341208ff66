import { beforeEach, describe, expect, it } from "vitest";
import { testChannel as channel, RecoverableFixture } from "../../tests/recoverable-fixture.ts";

let fixture: RecoverableFixture;

beforeEach(() => {
  fixture = new RecoverableFixture();
});

describe("a followed channel", () => {
  it("hands on what comes next, drops repeats, and lets through what has no place", async () => {
    const one = await fixture.join();
    const position = await fixture.publish(1, 2);
    await fixture.pubsub.publish(channel.name, `${position.epoch}:1:1`);
    await fixture.pubsub.publish(channel.name, '{"type":"presence"}');
    await fixture.publish(3);
    expect(one.heard).toEqual([1, 2, "live", 3]);
    expect(fixture.counted("repeats", {})).toBe(1);
    expect(fixture.reads).toBe(1);
  });

  it("reads what is missing as soon as a later publication shows it, for all subscribers at once and in order", async () => {
    const [one, two] = [await fixture.join(), await fixture.join()];
    await fixture.publish(1);
    await fixture.publishUnheard(2, 3);
    await fixture.publish(4);
    await fixture.clock.advance(0);
    expect(one.heard).toEqual([1, 2, 3, 4]);
    expect(two.heard).toEqual(one.heard);
    expect([
      fixture.counted("channel_reads", { reason: "jump", outcome: "whole" }),
      fixture.counted("repaired", {}),
    ]).toEqual([1, 3]);
  });

  it("keeps what is heard during a reading behind what the reading brings", async () => {
    const one = await fixture.join();
    await fixture.publishUnheard(1);
    let published = false;
    fixture.afterReading = async () => {
      if (!published) {
        published = true;
        await fixture.publish(3, 4);
      }
    };
    await fixture.publish(2);
    await fixture.clock.advance(0);
    expect([one.heard, fixture.reads]).toEqual([[1, 2, 3, 4], 2]);
  });

  it("reads after a gap of the feed, and reads again when another gap falls into the reading", async () => {
    const one = await fixture.join();
    await fixture.publishUnheard(1);
    let times = 0;
    fixture.afterReading = async () => {
      times += 1;
      if (times === 1) {
        await fixture.publishUnheard(2);
        fixture.pubsub.gap();
      }
    };
    fixture.pubsub.gap();
    fixture.pubsub.gap();
    await fixture.clock.advance(0);
    expect([one.heard, times]).toEqual([[1, 2], 2]);
  });

  it("finds what was lost without a trace by a regular look, not at the same moment in every channel", async () => {
    const one = await fixture.join();
    await fixture.publishUnheard(1);
    await fixture.clock.advance(22_499);
    expect([one.heard, fixture.reads]).toEqual([[], 1]);
    await fixture.clock.advance(5001);
    expect([one.heard, fixture.reads]).toEqual([[1], 2]);
    await fixture.clock.advance(250_000);
    expect(fixture.reads).toBeGreaterThanOrEqual(11);
    expect(fixture.reads).toBeLessThanOrEqual(14);
    expect(one.heard).toEqual([1]);
  });

  it("says that publications are lost when the log has not all of them, and goes on behind", async () => {
    const one = await fixture.join();
    await fixture.publish(1);
    await fixture.publishUnheard(...Array.from({ length: 300 }, (_, index) => index));
    await fixture.publish(2);
    await fixture.clock.advance(0);
    await fixture.publish(3);
    expect(one.heard).toEqual([1, "lost, now at 302", 3]);
    expect(fixture.counted("channel_reads", { reason: "jump", outcome: "insufficient" })).toBe(1);
  });

  it("says so too when everything was forgotten, whether it hears of the gap or of the new epoch", async () => {
    const one = await fixture.join();
    await fixture.publish(1);
    fixture.log.forget();
    fixture.pubsub.gap();
    await fixture.clock.advance(0);
    await fixture.publish(2);
    fixture.log.forget();
    await fixture.publish(3);
    await fixture.clock.advance(0);
    await fixture.publish(4);
    expect(one.heard).toEqual([1, "lost, now at 0", 2, "lost, now at 1", 4]);
  });

  it("says so of a publication in the log that cannot be read", async () => {
    const one = await fixture.join();
    await fixture.log.publish(channel.name, '{"half":');
    await fixture.publish(2);
    await fixture.clock.advance(0);
    await fixture.publish(3);
    expect(one.heard).toEqual(["lost, now at 2", 3]);
  });

  it("keeps subscribers while Redis is away, and what is missing comes when it is back", async () => {
    const one = await fixture.join();
    fixture.redisIsAway = true;
    await fixture.publishUnheard(1);
    fixture.pubsub.gap();
    await fixture.clock.advance(60_000);
    expect(fixture.counted("channel_reads", { reason: "gap", outcome: "unavailable" })).toBeGreaterThan(20);
    await fixture.publish(2);
    expect(one.heard).toEqual([]);
    fixture.redisIsAway = false;
    await fixture.clock.advance(2000);
    expect(one.heard).toEqual([1, 2]);
  });

  it("ends with its last subscriber, and leaves neither timer nor pattern", async () => {
    const [one, two] = [await fixture.join(), await fixture.join()];
    fixture.feed.leave(channel, one);
    fixture.feed.leave(channel, one);
    expect([fixture.feed.size, fixture.clock.pendingTimers]).toEqual([1, 1]);
    fixture.feed.leave(channel, two);
    await fixture.clock.advance(0);
    expect([fixture.feed.size, fixture.clock.pendingTimers, fixture.pubsub.patterns]).toEqual([0, 0, []]);
    await fixture.publish(1);
    expect(one.heard).toEqual([]);
  });

  it("leaves no timer either when it is ended while it reads, or by a subscriber who is told of a loss", async () => {
    const one = await fixture.join();
    fixture.afterReading = () => fixture.feed.leave(channel, one);
    fixture.pubsub.gap();
    await fixture.clock.advance(0);
    expect(fixture.clock.pendingTimers).toBe(0);
    fixture.afterReading = () => undefined;
    const two = await fixture.join();
    two.lost = () => fixture.feed.leave(channel, two);
    fixture.log.forget();
    fixture.pubsub.gap();
    await fixture.clock.advance(0);
    expect([fixture.clock.pendingTimers, fixture.feed.size]).toEqual([0, 0]);
  });
});
