import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClientFixture } from "./client-fixture.ts";
import { FakeTabs } from "./fake-tabs.ts";

const channel = "room:p";
let fixture: ClientFixture;

beforeEach(() => {
  fixture = new ClientFixture();
});
afterEach(() => fixture.close());

/** What became of a publication: "accepted", or the error. */
const outcomeOf = (publishing: Promise<void>) =>
  publishing.then(
    () => "accepted" as const,
    (error: unknown) => error,
  );

const published = () => fixture.gateway.received.filter(({ command }) => command === "publish").map(({ body }) => body);

describe("publishing", () => {
  it("resolves when the server has accepted it, and others hear it", async () => {
    const client = fixture.connect();
    const { told, subscription } = fixture.subscribe(client, channel);
    await fixture.settle();
    const outcome = outcomeOf(subscription.publish({ x: 1 }, { key: "cursor" }));
    await fixture.settle();
    expect(await outcome).toBe("accepted");
    expect(published()).toEqual([{ channel, data: { x: 1 }, key: "cursor" }]);
    expect(told).toEqual(["not recovered", { x: 1 }]);
  });

  it.each([
    ["permission_denied", { code: "permission_denied", message: "not yours" }, undefined],
    ["rate_limited", { code: "resource_exhausted", message: "slower", reason: "RATE_LIMITED", retryAfterMs: 250 }, 250],
    ["invalid_argument", { code: "invalid_argument", message: "too big" }, undefined],
    ["unavailable", { code: "unavailable", message: "away" }, undefined],
  ])("rejects with %s as the server says", async (code, refusal, retryAfterMs) => {
    const { gateway } = fixture;
    gateway.refuseCommand = (command) => (command === "publish" ? refusal : undefined);
    const { subscription } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    const outcome = outcomeOf(subscription.publish(1));
    await fixture.settle();
    expect(await outcome).toMatchObject({ name: "RealtimeError", code, retryAfterMs });
    expect(gateway.count("publish")).toBe(1);
  });

  it("is never done twice: who loses the connection before the answer is told so", async () => {
    const { gateway, network } = fixture;
    gateway.ignores = (command) => command === "publish";
    const { subscription } = fixture.subscribe(fixture.connect(), channel);
    const tooEarly = await outcomeOf(subscription.publish(0));
    await fixture.settle();
    const outcome = outcomeOf(subscription.publish(1));
    await fixture.settle();
    network.cut();
    expect(await outcome).toMatchObject({ code: "disconnected" });
    expect(await outcomeOf(subscription.publish(2))).toMatchObject({ code: "disconnected" });
    await fixture.clock.advance(60_000);
    expect(tooEarly).toMatchObject({ code: "disconnected" });
    expect(published()).toEqual([{ channel, data: 1 }]);
  });

  it("is given up when no answer comes, and when the client or the subscription is closed", async () => {
    const { gateway, clock } = fixture;
    gateway.ignores = (command) => command === "publish";
    const client = fixture.connect();
    const { subscription } = fixture.subscribe(client, channel);
    const other = fixture.subscribe(client, "room:q").subscription;
    await fixture.settle();
    const late = outcomeOf(subscription.publish(1));
    await clock.advance(10_000);
    expect(await late).toMatchObject({ code: "timed_out" });
    const closing = outcomeOf(subscription.publish(2));
    other.unsubscribe();
    expect(await outcomeOf(other.publish(3))).toMatchObject({ code: "closed" });
    client.close();
    expect(await closing).toMatchObject({ code: "disconnected" });
    expect(await outcomeOf(subscription.publish(4))).toMatchObject({ code: "closed" });
  });

  it("keeps to the frames that the server allows, and refuses what would only wait", async () => {
    const { gateway, clock } = fixture;
    gateway.framesPerSecond = 10;
    const { subscription } = fixture.subscribe(fixture.connect(), channel);
    await clock.advance(2000);
    const outcomes = Array.from({ length: 300 }, (_, index) => outcomeOf(subscription.publish(index)));
    await fixture.settle();
    expect(gateway.count("publish")).toBe(8);
    await clock.advance(120_000);
    const all = await Promise.all(outcomes);
    expect(all.filter((each) => each === "accepted").length).toBe(256);
    expect(all.at(-1)).toMatchObject({ code: "rate_limited", retryAfterMs: 1000 });
  });

  it("takes only what JSON has", async () => {
    const { subscription } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    expect(await outcomeOf(subscription.publish(undefined))).toMatchObject({ code: "invalid_argument" });
  });

  it("goes by the tab with the connection, with its answer, and is given up when that one is gone", async () => {
    const { gateway, clock } = fixture;
    const tabs = new FakeTabs(clock, gateway);
    const open = () => {
      const tab = tabs.open();
      const client = fixture.connect({ shared: "ada", platform: tab.platform });
      return { tab, ...fixture.subscribe(client, channel) };
    };
    const [leader, follower, other] = [open(), open(), open()];
    expect(await outcomeOf(follower.subscription.publish(0))).toMatchObject({ code: "disconnected" });
    await fixture.settle();
    const accepted = outcomeOf(follower.subscription.publish(1));
    await fixture.settle();
    expect(await accepted).toBe("accepted");
    gateway.refuseCommand = (command) =>
      command === "publish" ? { code: "resource_exhausted", message: "", retryAfterMs: 9 } : undefined;
    const refused = outcomeOf(follower.subscription.publish(2));
    await fixture.settle();
    expect(await refused).toMatchObject({ name: "RealtimeError", code: "rate_limited", retryAfterMs: 9 });
    gateway.refuseCommand = () => undefined;
    gateway.ignores = (command) => command === "publish";
    const lost = [follower, other].map(({ subscription }, index) => outcomeOf(subscription.publish(3 + index)));
    await fixture.settle();
    leader.tab.crash();
    await fixture.settle();
    expect(await Promise.all(lost)).toMatchObject([{ code: "disconnected" }, { code: "disconnected" }]);
    await clock.advance(60_000);
    expect(published().map((body) => (body as { data: unknown }).data)).toEqual([1, 2, 3, 4]);
  });
});
