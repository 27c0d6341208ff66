import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Presence, RealtimeClient } from "../src/index.ts";
import { ClientFixture } from "./client-fixture.ts";
import { FakeTabs } from "./fake-tabs.ts";

const channel = "project:p";
const options = { presence: true } as const;
let fixture: ClientFixture;

beforeEach(() => {
  fixture = new ClientFixture();
});
afterEach(async () => {
  await fixture.close();
  expect(fixture.errors).toEqual([]);
});

/** Follows who is there; `told` is what it was called with. */
function watch(client: RealtimeClient = fixture.connect()) {
  const told: Presence[] = [];
  const { subscription } = fixture.subscribe(client, channel, {
    options,
    onPresence: (presence) => told.push(presence),
  });
  return { told, subscription };
}

/** What a watcher can see of a change. */
const seen = (told: readonly Presence[]) =>
  told.map(({ users, joined, left }) => [
    users,
    ...joined.map((name) => `+${name}`),
    ...left.map((name) => `-${name}`),
  ]);

describe("the presence of a channel", () => {
  it("is who is there, and then who comes and goes", async () => {
    const { gateway } = fixture;
    gateway.setPresent(channel, ["bob"]);
    const { told, subscription } = watch();
    expect(subscription.presence).toBe(undefined);
    await fixture.settle();
    gateway.setPresent(channel, ["bob", "eve"]);
    gateway.setPresent(channel, ["eve"]);
    await fixture.settle();
    expect(seen(told)).toEqual([
      [2, "+ada", "+bob"],
      [3, "+eve"],
      [2, "-bob"],
    ]);
    expect(subscription.presence).toEqual({ users: 2, userIds: ["ada", "eve"] });
    expect(gateway.received.find(({ command }) => command === "subscribe")?.body).toEqual({ channel, presence: true });
  });

  it("is numbers where there are many, and names again when there are fewer", async () => {
    const { gateway } = fixture;
    gateway.mostNamed = 3;
    gateway.setPresent(channel, ["b", "c"]);
    const { told, subscription } = watch();
    await fixture.settle();
    gateway.setPresent(channel, ["b", "c", "d"]);
    gateway.setPresent(channel, ["b", "c", "d", "e"]);
    await fixture.settle();
    expect(subscription.presence).toEqual({ users: 5, userIds: undefined });
    gateway.setPresent(channel, ["c", "f"]);
    await fixture.settle();
    expect(seen(told)).toEqual([[3, "+ada", "+b", "+c"], [4], [5], [3, "+ada", "+c", "+f"]]);
    expect(told[2]?.userIds).toBe(undefined);
  });

  it("is right again after a connection was lost, and tells only what is different", async () => {
    const { gateway, network } = fixture;
    gateway.setPresent(channel, ["bob", "eve"]);
    const { told, subscription } = watch();
    await fixture.settle();
    network.cut();
    await fixture.clock.advance(0);
    expect(subscription.presence).toBe(undefined);
    gateway.setPresent(channel, ["eve", "kim"]);
    await fixture.clock.advance(1000);
    expect(seen(told)).toEqual([
      [3, "+ada", "+bob", "+eve"],
      [3, "+kim", "-bob"],
    ]);
    network.cut();
    await fixture.clock.advance(1000);
    expect(told.length).toBe(2);
    expect(subscription.presence?.users).toBe(3);
  });

  it("is asked for again when it cannot be had, and when names and number disagree", async () => {
    const { gateway, network } = fixture;
    const refusals = [{ code: "unavailable", message: "away", reason: "PRESENCE_UNAVAILABLE" }];
    gateway.refuseCommand = (command) => (command === "presence" ? refusals.pop() : undefined);
    const { told } = watch();
    await fixture.clock.advance(1000);
    expect(seen(told)).toEqual([[1, "+ada"]]);
    gateway.setPresent(channel, ["bob"]);
    await fixture.settle();
    network.open[0]?.connection?.presence(channel, { users: 2, joined: [], left: ["ada"] });
    await fixture.settle();
    expect(seen(told).slice(1)).toEqual([
      [2, "+bob"],
      [2, "-ada"],
      [2, "+ada"],
    ]);
  });

  it("does not count what it is told before the list, which has it", async () => {
    const { gateway, network } = fixture;
    gateway.ignores = (command) => command === "presence";
    const { told } = watch();
    await fixture.settle();
    network.open[0]?.connection?.presence(channel, { users: 9, joined: ["eve"], left: [] });
    await fixture.settle();
    expect(told).toEqual([]);
    gateway.ignores = () => false;
    await fixture.clock.advance(12_000);
    expect(seen(told)).toEqual([[1, "+ada"]]);
  });

  it("is not asked for by who did not subscribe to it", async () => {
    const { subscription } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    expect(fixture.gateway.count("presence")).toBe(0);
    expect(subscription.presence).toBe(undefined);
  });

  it("is one question for all tabs, and goes on in another when one is closed", async () => {
    const { gateway, clock } = fixture;
    const tabs = new FakeTabs(clock, gateway);
    const open = () => fixture.connect({ shared: "ada", platform: tabs.open().platform });
    const [first, second, third] = [open(), open(), open()];
    gateway.setPresent(channel, ["bob"]);
    const one = watch(first);
    const two = watch(second);
    await fixture.settle();
    const late = watch(third);
    await fixture.settle();
    expect(gateway.count("presence")).toBe(1);
    gateway.setPresent(channel, ["bob", "eve"]);
    await fixture.settle();
    expect([one, two, late].map(({ told }) => seen(told))).toEqual(
      Array(3).fill([
        [2, "+ada", "+bob"],
        [3, "+eve"],
      ]),
    );
    first.close();
    await fixture.settle();
    gateway.setPresent(channel, ["eve"]);
    await fixture.settle();
    expect([two, late].map(({ told }) => seen(told).slice(2))).toEqual(Array(2).fill([[2, "-bob"]]));
    expect(gateway.connections.size).toBe(1);
  });
});
