import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConnectOptions } from "../src/index.ts";
import { ClientFixture } from "./client-fixture.ts";
import { positionsOf } from "./model-gateway.ts";

const channel = "project:p";
/** Falls back at the first failure. */
const soon: Partial<ConnectOptions> = { webSocketAttempts: 1 };
let fixture: ClientFixture;

beforeEach(() => {
  fixture = new ClientFixture();
  fixture.network.blocksWebSockets = true;
});
afterEach(() => fixture.close());

const positionsAsked = (stream: { readonly headers: Readonly<Record<string, string>> } | undefined) =>
  Object.fromEntries(positionsOf(stream?.headers["last-event-id"] ?? ""));

describe("where no WebSocket can be opened", () => {
  it("events are streamed after three attempts, and the API is the same", async () => {
    const { gateway, network, clock } = fixture;
    const client = fixture.connect();
    const { told } = fixture.subscribe(client, channel);
    await clock.advance(5000);
    expect(network.sockets.length).toBe(3);
    expect(client.state).toEqual({ status: "connected", userId: undefined, transport: "event_stream" });
    gateway.publish(channel, 1);
    await fixture.settle();
    expect(told).toEqual(["not recovered", 1]);
    expect(network.streams.map(({ url, headers }) => [url.href, headers.authorization])).toEqual([
      ["http://gateway.test/api/realtime/sse?channels=project%3Ap", "Bearer token"],
    ]);
  });

  it("a stream goes on where the connection before it was, WebSocket or stream", async () => {
    const { gateway, network, clock } = fixture;
    network.blocksWebSockets = false;
    const { told } = fixture.subscribe(fixture.connect(soon), channel);
    await fixture.settle();
    gateway.publish(channel, 1);
    await fixture.settle();
    network.blocksWebSockets = true;
    network.cut();
    gateway.publish(channel, 2);
    await clock.advance(1000);
    network.cut();
    gateway.publish(channel, 3);
    await clock.advance(1000);
    gateway.publish(channel, 4);
    await fixture.settle();
    expect(told).toEqual(["not recovered", 1, "subscribing", "recovered", 2, "subscribing", "recovered", 3, 4]);
    expect(network.streams.map(positionsAsked)).toEqual([{ [channel]: ["epoch1", 1] }, { [channel]: ["epoch1", 2] }]);
    // The stream worked a moment ago, so no WebSocket was tried before the second.
    expect(network.sockets.length).toBe(2);
  });

  it("a WebSocket is tried again some minutes later, when the stream ends", async () => {
    const { gateway, network, clock } = fixture;
    const client = fixture.connect(soon);
    const { told } = fixture.subscribe(client, channel);
    await fixture.settle();
    await clock.advance(300_000);
    network.blocksWebSockets = false;
    gateway.publish(channel, 1);
    network.openStreams[0]?.connection?.notice({ code: "draining", reconnectAfterMs: 700 });
    gateway.closeAll(1012, "draining");
    await fixture.settle();
    expect(client.state).toMatchObject({ status: "waiting", retryInMs: 700 });
    await clock.advance(1000);
    expect(client.state).toMatchObject({ status: "connected", transport: "websocket" });
    expect(told).toEqual(["not recovered", 1, "subscribing", "recovered"]);
    expect(network.openStreams.length).toBe(0);
  });

  it("a server that was away is met by a WebSocket, as one is tried before each stream", async () => {
    const { network, clock } = fixture;
    network.blocksWebSockets = false;
    network.isDown = true;
    const client = fixture.connect();
    fixture.subscribe(client, channel);
    await clock.advance(120_000);
    expect(network.streams.length).toBeGreaterThan(3);
    network.isDown = false;
    await clock.advance(20_000);
    expect(client.state).toMatchObject({ status: "connected", transport: "websocket" });
  });

  it("channels that come later share one stream, and disturb the others not at all", async () => {
    const { gateway, network, clock } = fixture;
    const client = fixture.connect(soon);
    const first = fixture.subscribe(client, channel);
    await clock.advance(100);
    gateway.publish(channel, 1);
    await clock.advance(100);
    const second = fixture.subscribe(client, "project:q");
    fixture.subscribe(client, "simulation:s");
    gateway.publish(channel, 2);
    await clock.advance(100);
    gateway.publish(channel, 3);
    gateway.publish("project:q", "a");
    await clock.advance(100);
    expect(first.told).toEqual(["not recovered", 1, 2, 3]);
    expect(second.told).toEqual(["not recovered", "a"]);
    expect(network.streams.length).toBe(2);
    expect(network.openStreams.length).toBe(1);
    second.subscription.unsubscribe();
    await clock.advance(100);
    expect(network.openStreams[0]?.url.searchParams.get("channels")).toBe(`${channel},simulation:s`);
  });

  it("a channel that has lost something says so, and the others go on", async () => {
    const { gateway, network, clock } = fixture;
    const client = fixture.connect(soon);
    const one = fixture.subscribe(client, channel);
    const other = fixture.subscribe(client, "project:q");
    await clock.advance(100);
    gateway.publish("project:q", "a");
    await clock.advance(100);
    gateway.loseEpoch(channel);
    for (const { connection } of network.openStreams) {
      connection?.close(1012, "insufficient_state");
    }
    gateway.publish("project:q", "b");
    await clock.advance(100);
    gateway.publish(channel, 1);
    await clock.advance(100);
    expect(one.told).toEqual(["not recovered", "not recovered", 1]);
    expect(other.told).toEqual(["not recovered", "a", "b"]);
    expect(client.state.status).toBe("connected");
  });

  it("a channel that cannot go on where another stream takes over is told so", async () => {
    const { gateway, clock } = fixture;
    const client = fixture.connect(soon);
    const one = fixture.subscribe(client, channel);
    const live = fixture.subscribe(client, "simulation:s");
    await clock.advance(100);
    // Nobody was told that its memory is gone.
    Object.assign(gateway.channel(channel), { epoch: "other", offset: 0, log: [] });
    fixture.subscribe(client, "project:q");
    await clock.advance(100);
    gateway.publish(channel, 1);
    await clock.advance(100);
    expect(one.told).toEqual(["not recovered", "not recovered", 1]);
    expect(live.told).toEqual(["not recovered", "not recovered"]);
  });

  it("a channel that is asked for while another stream is being opened is in the one after", async () => {
    const { network, clock } = fixture;
    const client = fixture.connect(soon);
    fixture.subscribe(client, channel);
    await clock.advance(100);
    fixture.subscribe(client, "project:q");
    await clock.advance(20);
    expect(network.streams.length).toBe(2);
    const { told } = fixture.subscribe(client, "project:r");
    await clock.advance(100);
    expect(told).toEqual(["not recovered"]);
    expect(network.streams.length).toBe(3);
    expect(network.openStreams.length).toBe(1);
  });

  it("a token that ends is replaced by a stream with the new one, before the old one goes", async () => {
    const { network, clock } = fixture;
    const { told } = fixture.subscribe(fixture.connect(soon), channel);
    await clock.advance(100);
    fixture.token = (purpose) => `token for ${purpose}`;
    network.openStreams[0]?.connection?.notice({ code: "token_expiring" });
    await clock.advance(100);
    expect(network.streams.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token",
      "Bearer token for expiring",
    ]);
    expect(network.openStreams.length).toBe(1);
    expect(told).toEqual(["not recovered"]);
  });

  it("a channel that is asked for while a new token is refused is heard all the same", async () => {
    const { gateway, network, clock } = fixture;
    const client = fixture.connect(soon);
    fixture.subscribe(client, channel);
    await clock.advance(100);
    fixture.token = (purpose) => (purpose === "expiring" ? "bad" : "good");
    gateway.isValid = (token) => token !== "bad";
    network.openStreams[0]?.connection?.notice({ code: "token_expiring" });
    await clock.advance(1);
    expect(network.streams.length).toBe(2);
    const { told } = fixture.subscribe(client, "project:q");
    await clock.advance(100);
    expect(told).toEqual(["not recovered"]);
    expect(network.openStreams.map(({ headers }) => headers.authorization)).toEqual(["Bearer good"]);
  });

  it("a token that is refused twice leaves nobody signed in", async () => {
    const { gateway, clock } = fixture;
    gateway.isValid = () => false;
    const client = fixture.connect(soon);
    fixture.subscribe(client, channel);
    await clock.advance(120_000);
    expect(client.state).toMatchObject({ status: "unauthenticated", error: { reason: "TOKEN_INVALID" } });
    expect(fixture.purposes.slice(-2)).toEqual(["connect", "refused"]);
  });

  it("each stream has a ticket of its own, in its URL", async () => {
    const { network, clock } = fixture;
    let tickets = 0;
    const client = fixture.connect({ ...soon, token: undefined, ticket: () => `t${++tickets}` });
    fixture.subscribe(client, channel);
    await clock.advance(100);
    fixture.subscribe(client, "project:q");
    await clock.advance(100);
    // The first was for the WebSocket that did not open.
    expect(network.streams.map(({ url }) => url.searchParams.get("ticket"))).toEqual(["t2", "t3"]);
    expect(network.streams.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it("a stream that falls silent is given up, after a sleep at once", async () => {
    const { gateway, network, clock } = fixture;
    const { told } = fixture.subscribe(fixture.connect(soon), channel);
    await clock.advance(60_000);
    expect(network.streams.length).toBe(1);
    network.silence();
    gateway.publish(channel, 1);
    await clock.advance(40_000);
    expect(told).toEqual(["not recovered", "subscribing", "recovered", 1]);
    network.silence();
    clock.sleepFor(3_600_000);
    gateway.publish(channel, 2);
    await clock.advance(5000 + 2500);
    await clock.advance(1000);
    expect(told.slice(4)).toEqual(["subscribing", "recovered", 2]);
  });

  it("what a stream cannot carry is refused, or waits for a WebSocket", async () => {
    const { network, clock, gateway } = fixture;
    const client = fixture.connect({ ...soon, retryWebSocketMs: 1000 });
    const { subscription } = fixture.subscribe(client, channel, { options: { presence: true } });
    const binary = fixture.subscribe(client, "simulation:s", { options: { encoding: "binary" } });
    await clock.advance(2000);
    const outcome = subscription.publish(1).then(
      () => "accepted",
      (error: unknown) => error,
    );
    await clock.advance(100);
    expect(await outcome).toMatchObject({ code: "unavailable", reason: "EVENT_STREAM" });
    expect([subscription.presence, binary.told]).toEqual([undefined, []]);
    network.blocksWebSockets = false;
    network.cut();
    await clock.advance(2000);
    expect(subscription.presence).toEqual({ users: 1, userIds: ["ada"] });
    expect(binary.told).toEqual(["not recovered"]);
    expect(gateway.count("publish")).toBe(0);
  });

  it("no stream is opened for nothing, nor where none is wanted", async () => {
    const { network, clock } = fixture;
    const client = fixture.connect(soon);
    await clock.advance(60_000);
    expect(network.streams.length).toBe(0);
    const { subscription } = fixture.subscribe(client, channel);
    await clock.advance(60_000);
    subscription.unsubscribe();
    await clock.advance(1000);
    expect([network.openStreams.length, client.state.status]).toEqual([0, "connected"]);
    const { told } = fixture.subscribe(client, channel);
    await clock.advance(1000);
    expect(told).toEqual(["not recovered"]);
    const without = fixture.connect({ ...soon, eventStream: false });
    fixture.subscribe(without, channel);
    const before = network.streams.length;
    await clock.advance(60_000);
    expect([network.streams.length, without.state.status]).toEqual([before, "waiting"]);
  });
});
