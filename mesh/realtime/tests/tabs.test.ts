import { faultsOfHistory, type PublishedChange, type ReaderEvent } from "@weft/mesh/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RealtimeClient } from "../src/index.ts";
import { ClientFixture } from "./client-fixture.ts";
import { type FakeTab, FakeTabs } from "./fake-tabs.ts";

const channel = "project:p";
let fixture: ClientFixture;
let tabs: FakeTabs;

beforeEach(() => {
  fixture = new ClientFixture();
  tabs = new FakeTabs(fixture.clock, fixture.gateway);
});
afterEach(closeAll);

async function closeAll(): Promise<void> {
  await fixture.close();
  expect(fixture.errors).toEqual([]);
}

function openTab(): { readonly tab: FakeTab; readonly client: RealtimeClient } {
  const tab = tabs.open();
  return { tab, client: fixture.connect({ shared: "ada", platform: tab.platform }) };
}

describe("tabs that share a connection", () => {
  it("have one between them, and all hear what they have asked for", async () => {
    const { gateway } = fixture;
    const [first, second, third] = [openTab(), openTab(), openTab()];
    const one = fixture.subscribe(first.client, channel);
    const two = fixture.subscribe(second.client, channel);
    const three = fixture.subscribe(third.client, "project:other");
    await fixture.settle();
    gateway.publish(channel, 1);
    gateway.publish("project:other", "a");
    await fixture.settle();
    expect(gateway.connections.size).toBe(1);
    expect(gateway.count("subscribe")).toBe(2);
    expect([one.told, two.told, three.told]).toEqual([
      ["not recovered", 1],
      ["not recovered", 1],
      ["not recovered", "a"],
    ]);
    expect([first, second, third].map(({ client }) => client.state)).toEqual(
      Array(3).fill({ status: "connected", userId: "ada", transport: "websocket" }),
    );
    two.subscription.unsubscribe();
    one.subscription.unsubscribe();
    await fixture.settle();
    expect(gateway.count("unsubscribe")).toBe(1);
  });

  it("go on from where each of them is when the one with the connection crashes", async () => {
    const { gateway } = fixture;
    const [first, second, third] = [openTab(), openTab(), openTab()];
    const two = fixture.subscribe(second.client, channel);
    const three = fixture.subscribe(third.client, channel);
    await fixture.settle();
    gateway.publish(channel, 1);
    await fixture.settle();
    first.tab.crash();
    gateway.publish(channel, 2);
    await fixture.settle();
    gateway.publish(channel, 3);
    await fixture.settle();
    expect(two.told).toEqual(["not recovered", 1, "subscribing", "recovered", 2, 3]);
    expect(three.told).toEqual(two.told);
    expect(gateway.connections.size).toBe(1);
  });

  it("are given the connection by one that closes", async () => {
    const { gateway } = fixture;
    const [first, second] = [openTab(), openTab()];
    const { told } = fixture.subscribe(second.client, channel);
    await fixture.settle();
    first.client.close();
    gateway.publish(channel, 1);
    await fixture.settle();
    expect(told).toEqual(["not recovered", "subscribing", "recovered", 1]);
    expect(second.client.state.status).toBe("connected");
  });

  it("give up the channels of a tab that crashed", async () => {
    const { gateway } = fixture;
    const [first, second] = [openTab(), openTab()];
    const { told } = fixture.subscribe(first.client, "project:kept");
    fixture.subscribe(second.client, channel);
    await fixture.settle();
    second.tab.crash();
    await fixture.settle();
    expect(gateway.received.filter(({ command }) => command === "unsubscribe").map(({ body }) => body)).toEqual([
      { channel },
    ]);
    expect(told).toEqual(["not recovered"]);
  });

  it("tell one another errors, and let anyone try again", async () => {
    const { gateway } = fixture;
    fixture.token = () => null;
    const [, second] = [openTab(), openTab()];
    gateway.refuse = () => ({ code: "not_found", message: "no such project" });
    const { told, subscription } = fixture.subscribe(second.client, channel);
    await fixture.settle();
    expect(second.client.state).toMatchObject({ status: "unauthenticated", error: { name: "RealtimeError" } });
    fixture.token = () => "token";
    second.client.retry();
    await fixture.settle();
    expect(told).toEqual(["ended: not_found"]);
    expect(subscription.state).toMatchObject({ error: { message: "no such project", retryable: false } });
  });

  it("take the connection from one that has been stopped, as soon as they are seen", async () => {
    const { gateway, clock } = fixture;
    const [first, second] = [openTab(), openTab()];
    const one = fixture.subscribe(first.client, channel);
    const two = fixture.subscribe(second.client, channel);
    await fixture.settle();
    second.tab.page?.woke();
    await clock.advance(3000);
    expect(gateway.count("connect")).toBe(1);
    // It runs on in four seconds.
    first.tab.latencyMs = 4000;
    first.tab.network.silence();
    gateway.publish(channel, 1);
    second.tab.page?.woke();
    await clock.advance(2520);
    expect(two.told).toEqual(["not recovered", "subscribing", "recovered", 1]);
    gateway.publish(channel, 2);
    await clock.advance(10_000);
    gateway.publish(channel, 3);
    await clock.advance(10_000);
    expect(two.told.slice(-2)).toEqual([2, 3]);
    expect(one.told.filter((each) => typeof each === "number")).toEqual([1, 2, 3]);
    expect(one.told.filter((each) => each === "not recovered").length).toBe(1);
    expect(gateway.connections.size).toBe(1);
    first.tab.latencyMs = 1;
    second.client.close();
    await clock.advance(5000);
    gateway.publish(channel, 4);
    await fixture.settle();
    expect(one.told.at(-1)).toBe(4);
  });

  it("do not listen to who had the connection before", async () => {
    const { gateway } = fixture;
    openTab();
    const { told } = fixture.subscribe(openTab().client, channel);
    await fixture.settle();
    const { BroadcastChannel } = tabs.open().platform;
    const old = BroadcastChannel && new BroadcastChannel("weft:ws://gateway.test/ws:ada");
    const event = { type: "lost", channel, position: { epoch: "old", offset: 9 } };
    old?.postMessage({ kind: "event", from: "somebody", to: undefined, event });
    await fixture.settle();
    gateway.publish(channel, 1);
    await fixture.settle();
    expect(told).toEqual(["not recovered", 1]);
  });

  it("have one each where there are no locks", async () => {
    for (let count = 0; count < 2; count += 1) {
      const { platform } = tabs.open();
      fixture.connect({ shared: true, platform: { ...platform, locks: undefined } });
    }
    await fixture.settle();
    expect(fixture.gateway.connections.size).toBe(2);
  });

  it("lose nothing and hear nothing twice, whichever of them come and go", async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant("publish"), times: fc.integer({ min: 1, max: 5 }) }) },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant("wait"), times: fc.constantFrom(0, 1, 2, 3, 5, 900, 2600) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constantFrom("open", "close", "crash", "lag", "wake"),
          times: fc.nat({ max: 14 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("cut", "lose epoch"), times: fc.constant(1) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        fixture = new ClientFixture();
        tabs = new FakeTabs(fixture.clock, fixture.gateway);
        const forgets = steps.some((each) => each.do === "lose epoch");
        const { clock, gateway } = fixture;
        const published: PublishedChange[] = [];
        const readers: { events: ReaderEvent[]; tab: FakeTab; client: RealtimeClient }[] = [];
        const publish = () => {
          const payload = `change ${published.length + 1}`;
          published.push({ position: gateway.publish(channel, payload), payload });
        };
        const open = () => {
          const { tab, client } = openTab();
          const events: ReaderEvent[] = [];
          readers.push({ events, tab, client });
          client.subscribe<string>(channel, {
            onMessage: (payload, { position }) =>
              events.push({ kind: "pushed", publication: { offset: position?.offset ?? 0, payload } }),
            onState: (state) => {
              if (state.status === "subscribed" && !state.recovered && state.position !== undefined) {
                events.push({ kind: "told of a loss", position: state.position });
                events.push({ kind: "loaded", payloads: published.map((each) => each.payload) });
              }
            },
          });
        };
        open();
        for (const { do: action, times } of steps) {
          const reader = readers[times % readers.length];
          if (action === "publish") {
            for (let time = 0; time < times; time += 1) publish();
          } else if (action === "lag" && reader !== undefined) reader.tab.latencyMs = times === 14 ? 5000 : 1 + times;
          else if (action === "wake") reader?.tab.page?.woke();
          else if (action === "wait") await clock.advance(times);
          else if (action === "open" && readers.length < 5) open();
          else if (action === "lose epoch") gateway.loseEpoch(channel);
          else if (action === "cut") for (const { tab } of readers) tab.network.cut();
          else if (reader !== undefined && readers.length > 1 && (action === "close" || action === "crash")) {
            readers.splice(readers.indexOf(reader), 1);
            if (action === "crash") reader.tab.crash();
            else reader.client.close();
          }
        }
        for (const { tab } of readers) {
          tab.latencyMs = 1;
        }
        await clock.advance(60_000);
        publish();
        await fixture.settle();
        for (const { events } of readers) {
          expect(faultsOfHistory(published, events)).toEqual([]);
          // Where the server forgets nothing, nobody is told so after the beginning.
          expect(forgets ? 1 : events.filter(({ kind }) => kind === "told of a loss").length).toBe(1);
        }
        expect(gateway.connections.size).toBe(1);
        await closeAll();
      }),
      { numRuns: 100, seed: 20260801 },
    );
  });
});
