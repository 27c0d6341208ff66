import { beforeEach, describe, expect, it } from "vitest";
import { testChannel as channel, missedBy, RecoverableFixture, subscriber } from "../../tests/recoverable-fixture.ts";

let fixture: RecoverableFixture;

beforeEach(() => {
  fixture = new RecoverableFixture();
});

describe("joining", () => {
  it("gives the position behind which the feed begins, read once for all who come", async () => {
    const before = await fixture.publishUnheard(1, 2);
    const all = await Promise.all([fixture.join(), fixture.join(), fixture.join()]);
    await fixture.publish(3);
    expect(all.map(({ joined, heard }) => [joined, heard])).toEqual(all.map(() => [{ position: before }, [3]]));
    expect(fixture.reads).toBe(1);
  });

  it("recovers from the log, from what was heard last, or from nothing at all", async () => {
    const first = await fixture.publishUnheard(1);
    await fixture.publishUnheard(2);
    const byLog = await fixture.join(first);
    expect([missedBy(byLog), fixture.reads]).toEqual([[2], 2]);
    const third = await fixture.publish(3);
    const byMemory = await fixture.join({ ...first, offset: 2 });
    expect([missedBy(byMemory), fixture.reads]).toEqual([[3], 2]);
    const upToDate = await fixture.join(third);
    expect([missedBy(upToDate), fixture.reads]).toEqual([[], 2]);
    expect(fixture.counted("recoveries", { outcome: "recovered" })).toBe(3);
    await fixture.publish(4);
    for (const one of [byMemory, upToDate]) {
      expect([one.joined?.position.offset, one.heard]).toEqual([3, [4]]);
    }
  });

  it("reads the log once for all who come back together from one place", async () => {
    const first = await fixture.publishUnheard(1);
    await fixture.publishUnheard(2, 3);
    const all = await Promise.all(Array.from({ length: 20 }, () => fixture.join(first)));
    await fixture.publish(4);
    expect(all.map((one) => [missedBy(one), one.heard])).toEqual(all.map(() => [[2, 3], [4]]));
    expect(fixture.reads).toBe(2);
    await fixture.publishUnheard(...Array.from({ length: 100 }, (_, index) => index));
    expect((await fixture.join(first)).joined).toMatchObject({ recovered: true, missed: { length: 103 } });
  });

  it("says plainly that it cannot recover: no position, another epoch, one ahead, or too long ago", async () => {
    const position = await fixture.publishUnheard(...Array.from({ length: 300 }, (_, index) => index));
    for (const from of [
      null,
      { epoch: "other", offset: 300 },
      { ...position, offset: 301 },
      { ...position, offset: 2 },
    ]) {
      expect((await fixture.join(from)).joined).toEqual({ position, recovered: false });
    }
    expect(fixture.counted("recoveries", { outcome: "unrecovered" })).toBe(4);
  });

  it("joins what the log gave with what was heard while it was read", async () => {
    await fixture.join();
    const first = await fixture.publish(...Array.from({ length: 70 }, (_, index) => index));
    fixture.afterReading = () => fixture.publish(70, 71);
    const one = await fixture.join({ ...first, offset: 2 });
    fixture.afterReading = () => undefined;
    await fixture.publish(72);
    expect(missedBy(one)).toEqual(Array.from({ length: 70 }, (_, index) => index + 3));
    expect([one.joined?.position.offset, one.heard]).toEqual([72, [72]]);
  });

  it("begins where the log is when that is ahead of what was heard", async () => {
    const other = await fixture.join();
    const first = await fixture.publish(1);
    const second = await fixture.publishUnheard(2);
    const one = await fixture.join({ ...first, offset: 0 });
    const ahead = await fixture.join(second);
    expect([missedBy(one), missedBy(ahead)]).toEqual([[1], []]);
    expect([one.joined?.position.offset, ahead.joined?.position.offset]).toEqual([1, 2]);
    await fixture.publish(3);
    await fixture.clock.advance(0);
    expect(other.heard).toEqual([1, 2, 3]);
  });

  it("learns of a forgotten log from a reading for a subscriber", async () => {
    const other = await fixture.join();
    const first = await fixture.publish(...Array.from({ length: 70 }, (_, index) => index));
    fixture.log.forget();
    const one = await fixture.join({ ...first, offset: 1 });
    expect(one.joined).toEqual({ position: await fixture.log.position(channel.name), recovered: false });
    expect(other.heard.at(-1)).toBe("lost, now at 0");
  });

  it("recovers nothing of an epoch from what was heard in the one before", async () => {
    await fixture.join();
    await fixture.publish(1, 2, 3);
    fixture.log.forget();
    fixture.pubsub.gap();
    await fixture.clock.advance(0);
    const now = await fixture.publish(4);
    expect(missedBy(await fixture.join({ ...now, offset: 0 }))).toEqual([1]);
    expect(missedBy(await fixture.join(now))).toEqual([]);
  });

  it("is refused while Redis is away, and works later", async () => {
    fixture.redisIsAway = true;
    await expect(fixture.join()).rejects.toMatchObject({ rawMessage: expect.stringContaining("subscribe again") });
    expect([fixture.feed.size, fixture.clock.pendingTimers]).toEqual([0, 0]);
    fixture.redisIsAway = false;
    expect((await fixture.join()).joined).toMatchObject({ position: { offset: 0 } });
  });

  it("is given up by leaving meanwhile", async () => {
    const one = subscriber();
    const joining = fixture.feed.join(channel, one, undefined, () => expect.fail("it begins"));
    fixture.feed.leave(channel, one);
    await expect(joining).rejects.toThrow("unsubscribed meanwhile");
    expect([fixture.feed.size, fixture.clock.pendingTimers]).toEqual([0, 0]);
  });
});
