import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConnectionState, connect, RealtimeError } from "../src/index.ts";
import { ClientFixture } from "./client-fixture.ts";

const channel = "project:p";
let fixture: ClientFixture;

beforeEach(() => {
  fixture = new ClientFixture();
});
afterEach(() => fixture.close());

describe("a connection", () => {
  it("waits longer and at random after each failure, and not at all when the page wakes up", async () => {
    const { network, clock } = fixture;
    network.isDown = true;
    const delays: number[] = [];
    const client = fixture.connect();
    client.onState((state) => {
      if (state.status === "waiting") {
        delays.push(state.retryInMs);
      }
    });
    await clock.advance(300_000);
    const ceilings = delays.map((_delay, index) => Math.min(20_000, 500 * 2 ** index));
    expect(delays.length).toBeGreaterThan(10);
    expect(delays.every((delay, index) => delay < (ceilings[index] ?? 0))).toBe(true);
    expect(Math.max(...delays)).toBeGreaterThan(10_000);
    expect(new Set(delays).size).toBe(delays.length);
    network.isDown = false;
    expect(client.state.status).toBe("waiting");
    fixture.page?.woke();
    await fixture.settle();
    expect(client.state).toEqual({ status: "connected", userId: "ada", transport: "websocket" });
  });

  it("is tried again at once when the page wakes up during an attempt that fails", async () => {
    const { network, clock } = fixture;
    network.isDown = true;
    const client = fixture.connect({ reconnectBaseMs: 1_000_000, reconnectMaxMs: 1_000_000 });
    await clock.advance(0);
    fixture.page?.woke();
    await clock.advance(1);
    network.isDown = false;
    await fixture.settle();
    expect(client.state.status).toBe("connected");
    expect(network.sockets.length).toBe(2);
  });

  it("that is dead without a close is found by a ping, and given up", async () => {
    const { gateway, network, clock } = fixture;
    const { told } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    network.silence();
    gateway.publish(channel, 1);
    await clock.advance(25_000);
    expect(told).toEqual(["not recovered"]);
    await clock.advance(9000);
    expect(told).toEqual(["not recovered", "subscribing", "recovered", 1]);
  });

  it("that died in its sleep is replaced at once when the page wakes up", async () => {
    const { gateway, network, clock } = fixture;
    const { told } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    network.silence();
    gateway.publish(channel, 1);
    fixture.page?.woke();
    await clock.advance(2500);
    await fixture.settle();
    expect(told).toEqual(["not recovered", "subscribing", "recovered", 1]);
  });

  it("that is being asked already is asked more urgently when the page wakes up", async () => {
    const { network, clock } = fixture;
    const client = fixture.connect();
    await fixture.settle();
    network.silence();
    await clock.advance(25_000);
    fixture.page?.offline();
    await clock.advance(2600);
    expect(network.sockets.length).toBe(2);
    expect(client.state.status).toBe("connected");
  });

  it("that lives stays when the page wakes up, and pings when it is quiet", async () => {
    const { gateway, network, clock } = fixture;
    fixture.connect();
    await fixture.settle();
    fixture.page?.woke();
    await clock.advance(120_000);
    expect(network.sockets.length).toBe(1);
    expect(gateway.count("ping")).toBeGreaterThanOrEqual(4);
  });

  it("comes back when a draining gateway says", async () => {
    const { gateway, network } = fixture;
    const client = fixture.connect();
    await fixture.settle();
    network.open[0]?.connection?.notice({ code: "draining", reconnectAfterMs: 7000 });
    gateway.closeAll(1012, "draining");
    await fixture.settle();
    expect(client.state).toMatchObject({ status: "waiting", retryInMs: 7000 });
    await fixture.clock.advance(7000);
    await fixture.settle();
    expect(client.state.status).toBe("connected");
  });

  it("subscribes no faster than the server allows", async () => {
    const { gateway, clock } = fixture;
    gateway.framesPerSecond = 10;
    const client = fixture.connect();
    const many = Array.from({ length: 40 }, (_, index) => fixture.subscribe(client, `project:${index}`));
    await fixture.settle();
    expect(gateway.count("subscribe")).toBe(8);
    await clock.advance(1000);
    expect(gateway.count("subscribe")).toBe(16);
    await clock.advance(5000);
    expect(many.every(({ told }) => told.length === 1)).toBe(true);
  });

  it("is given up when it does not open or is not recognised in time", async () => {
    const { gateway } = fixture;
    gateway.ignores = (command) => command === "connect";
    const client = fixture.connect();
    await fixture.clock.advance(10_020);
    expect(client.state.status).toBe("waiting");
  });
});

describe("a token", () => {
  it("that is about to expire is replaced in the open connection", async () => {
    const { gateway, network } = fixture;
    let tokens = 0;
    fixture.token = () => `token ${++tokens}`;
    fixture.connect();
    await fixture.settle();
    network.open[0]?.connection?.notice({ code: "token_expiring", expiresAt: "…" });
    network.open[0]?.connection?.notice({ code: "token_expiring", expiresAt: "…" });
    await fixture.settle();
    expect([...gateway.connections].map(({ token }) => token)).toEqual(["token 2"]);
    expect(fixture.purposes).toEqual(["connect", "expiring"]);
    expect(network.sockets.length).toBe(1);
  });

  it("that comes when its connection is gone is not used", async () => {
    const { gateway, network } = fixture;
    fixture.connect();
    await fixture.settle();
    const late = Promise.withResolvers<string>();
    fixture.token = (purpose) => (purpose === "expiring" ? late.promise : "token");
    network.open[0]?.connection?.notice({ code: "token_expiring" });
    await fixture.settle();
    network.cut();
    await fixture.clock.advance(1000);
    late.resolve("late");
    await fixture.settle();
    expect([...gateway.connections].map(({ token }) => token)).toEqual(["token"]);
    expect(gateway.count("refresh")).toBe(0);
  });

  it("that cannot be had for the moment is asked for again", async () => {
    const { network, gateway } = fixture;
    let tokens = 0;
    fixture.token = () => {
      tokens += 1;
      if (tokens === 2) {
        throw new Error("the network is away");
      }
      return `token ${tokens}`;
    };
    fixture.connect();
    await fixture.settle();
    network.open[0]?.connection?.notice({ code: "token_expiring" });
    await fixture.clock.advance(1000);
    expect([...gateway.connections].map(({ token }) => token)).toEqual(["token 3"]);
    expect(network.sockets.length).toBe(1);
  });

  it("that has expired is replaced at once, and nothing is lost over it", async () => {
    const { gateway } = fixture;
    const { told } = fixture.subscribe(fixture.connect(), channel);
    await fixture.settle();
    gateway.closeAll(4401, "token_expired");
    gateway.publish(channel, 1);
    await fixture.settle();
    expect(told).toEqual(["not recovered", "subscribing", "recovered", 1]);
    expect(fixture.purposes).toEqual(["connect", "refused"]);
  });

  it("that is refused twice leaves nobody signed in, until somebody is", async () => {
    const { gateway } = fixture;
    gateway.isValid = () => false;
    const client = fixture.connect();
    const states: ConnectionState["status"][] = [];
    client.onState(({ status }) => states.push(status));
    const { told } = fixture.subscribe(client, channel);
    await fixture.clock.advance(120_000);
    expect(client.state).toMatchObject({ status: "unauthenticated", error: { code: "unauthenticated" } });
    expect(fixture.purposes).toEqual(["connect", "refused"]);
    gateway.isValid = () => true;
    client.retry();
    await fixture.settle();
    expect(told).toEqual(["not recovered"]);
    expect(states.at(-1)).toBe("connected");
  });

  it("that is not there any more ends the connection", async () => {
    const { gateway, network } = fixture;
    const client = fixture.connect();
    await fixture.settle();
    fixture.token = () => null;
    network.open[0]?.connection?.notice({ code: "token_expiring" });
    await fixture.settle();
    expect(client.state.status).toBe("unauthenticated");
    expect(gateway.connections.size).toBe(0);
  });
});

describe("a client", () => {
  it("leaves nothing when it is closed, whatever was under way", async () => {
    const client = fixture.connect();
    const { told } = fixture.subscribe(client, channel, { getState: () => new Promise(() => undefined) });
    const states: string[] = [];
    client.onState(({ status }) => states.push(status));
    await fixture.settle();
    client.close();
    client.close();
    client.retry();
    expect(told).toEqual(["loading", "ended: closed"]);
    expect(states).toEqual(["connected", "closed"]);
    expect(() => fixture.subscribe(client, channel)).toThrow(RealtimeError);
    expect(fixture.page).toBe(undefined);
  });

  it("can be closed from any handler", async () => {
    for (const when of ["connecting", "connected", "waiting", "message", "subscribed"]) {
      const client = fixture.connect();
      client.onState(({ status }) => status === when && client.close());
      client.subscribe(channel, {
        onMessage: () => when === "message" && client.close(),
        onState: ({ status }) => status === when && client.close(),
      });
      await fixture.settle();
      fixture.gateway.publish(channel, 1);
      await fixture.settle();
      fixture.network.cut();
      await fixture.clock.advance(2000);
      if (when === "connecting") {
        expect(client.state.status).toBe("closed");
      }
      client.close();
    }
    expect(fixture.errors).toEqual([]);
  });

  it("names the option it cannot take", () => {
    const token = () => "token";
    expect(() => connect("/ws", { token })).toThrow('url must be an absolute ws: or wss: address, not "/ws"');
    expect(() => connect("ws://host/ws", { token, pingIntervalMs: 0 })).toThrow(
      "pingIntervalMs must be a number from 1",
    );
  });
});
